/** Select menus: one or several choices from a list, searched in place or by asking the app. */

import { Failure } from "./api.js";
import { h, icon, newId } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { moved, popover } from "./popover.js";

/** Milliseconds without a key before the app is asked. */
const PAUSE = 180;

/** Return a select menu. */
export function select(handle) {
  return new Select(handle).root;
}

class Select {
  constructor(handle) {
    this.handle = handle;
    this.isMulti = handle.element.type.startsWith("multi_");
    this.source = handle.element.type.replace(/^multi_|_select$/g, "");
    this.listId = newId("list");
    this.active = -1;
    this.offered = [];
    this.build();
    this.showChosen();
  }

  build() {
    this.input = h("input", {
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-controls": this.listId,
      "aria-autocomplete": "list",
      ...this.handle.described,
      onfocus: () => this.input.select(),
      onclick: () => this.open(),
      oninput: () => this.search(),
      onkeydown: (event) => this.press(event),
      onblur: () => setTimeout(() => this.isOpen || this.showChosen()),
    });
    this.chips = h("span.chips");
    this.clear = h(
      "button.icon-button",
      { type: "button", "aria-label": "Clear", hidden: true, onclick: () => this.take(null) },
      icon("close", 16),
    );
    const toggle = (event) => {
      if (event.target.closest("button") || event.target === this.input) return;
      event.preventDefault();
      this.input.focus();
      this.open();
    };
    this.root = h(
      "div.select",
      { class: this.isMulti ? "multi" : "", onmousedown: toggle },
      h("span.values", {}, this.chips, this.input),
      this.clear,
      icon("chevron", 18),
    );
  }

  get isOpen() {
    return Boolean(this.close);
  }

  get chosen() {
    const { value } = this.handle;
    if (value === null || value === undefined) return [];
    return this.isMulti ? value : [value];
  }

  /** Return how a chosen value reads. */
  nameOf(value) {
    const { session } = this.handle;
    if (typeof value === "object") return withEmoji(value.text.text);
    if (this.source === "users") return session.user(value)?.real_name ?? value;
    const entry = session.entry(value);
    return entry ? (entry.kind === "im" ? entry.name : `#${entry.name}`) : value;
  }

  showChosen() {
    const names = this.chosen.map((value) => this.nameOf(value));
    const hasAny = names.length > 0;
    this.root.classList.toggle("filled", hasAny);
    this.input.placeholder = this.isMulti && hasAny ? "" : this.handle.placeholder || "Choose…";
    this.input.value = this.isMulti ? "" : (names[0] ?? "");
    this.clear.hidden = this.isMulti || !hasAny || !this.handle.isOptional;
    if (!this.isMulti) return;
    this.chips.replaceChildren(
      ...names.map((name, index) =>
        h(
          "span.chip",
          {},
          name,
          h(
            "button.icon-button",
            { type: "button", "aria-label": `Remove ${name}`, onclick: () => this.remove(index) },
            icon("close", 13),
          ),
        ),
      ),
    );
  }

  open() {
    if (this.isOpen) return;
    this.list = h("div.listbox", {
      id: this.listId,
      role: "listbox",
      "aria-multiselectable": this.isMulti || null,
      onmousedown: (event) => event.preventDefault(),
    });
    this.root.classList.add("open");
    this.input.setAttribute("aria-expanded", "true");
    this.close = popover(this.root, this.list, {
      isWide: true,
      onclose: () => {
        this.close = null;
        this.root.classList.remove("open");
        this.input.setAttribute("aria-expanded", "false");
        this.input.removeAttribute("aria-activedescendant");
        this.showChosen();
      },
    });
    this.find("");
  }

  search() {
    this.open();
    clearTimeout(this.timer);
    if (this.source === "external")
      this.timer = setTimeout(() => this.find(this.input.value), PAUSE);
    else this.find(this.input.value);
  }

  /** Show what matches a query. */
  async find(query) {
    this.query = query;
    const groups = this.source === "external" ? await this.asked(query) : this.matching(query);
    if (!groups || !this.isOpen || this.query !== query) return;
    this.offer(groups);
  }

  matching(query) {
    const words = query.trim().toLocaleLowerCase();
    return this.known()
      .map((group) => ({
        ...group,
        options: group.options.filter((option) =>
          this.nameOf(option).toLocaleLowerCase().includes(words),
        ),
      }))
      .filter((group) => group.options.length > 0);
  }

  known() {
    const { element, session } = this.handle;
    if (this.source === "users") return [{ options: session.people.map((person) => person.id) }];
    if (this.source === "channels")
      return [
        {
          options: session.inbox
            .filter((entry) => entry.kind === "channel")
            .map((entry) => entry.id),
        },
      ];
    if (this.source === "conversations")
      return [{ options: session.inbox.map((entry) => entry.id) }];
    return grouped(element);
  }

  async asked(query) {
    const least = this.handle.element.min_query_length ?? 3;
    if (query.length < least) {
      this.say(`Type at least ${least === 1 ? "one character" : `${least} characters`} to search`);
      return null;
    }
    this.say("Searching…", true);
    try {
      return grouped(
        await this.handle.surface.suggest(this.handle.block, this.handle.element, query),
      );
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      if (this.isOpen && this.query === query) this.say(problem.message);
      return null;
    }
  }

  say(text, isBusy = false) {
    this.offered = [];
    this.active = -1;
    this.list.replaceChildren(
      h("p.note", { role: "status" }, isBusy && h("span.spinner", { "aria-hidden": "true" }), text),
    );
  }

  offer(groups) {
    this.offered = [];
    const taken = new Set(this.chosen.map(keyOf));
    const nodes = groups.map((group) => {
      const options = group.options.map((option) =>
        this.optionNode(option, taken.has(keyOf(option))),
      );
      if (!group.label) return options;
      return h(
        "div",
        { role: "group", "aria-label": group.label },
        h("p.group", { "aria-hidden": "true" }, group.label),
        options,
      );
    });
    if (this.offered.length === 0) return this.say("Nothing found");
    this.list.replaceChildren(...nodes.flat());
    const first = this.offered.findIndex(({ option }) => taken.has(keyOf(option)));
    this.activate(this.isMulti ? 0 : Math.max(0, first));
    return undefined;
  }

  optionNode(option, isTaken) {
    const description =
      typeof option === "object" &&
      option.description &&
      h("span.description", {}, withEmoji(option.description.text));
    const node = h(
      "div.option",
      {
        id: newId("option"),
        role: "option",
        "aria-selected": String(isTaken),
        onclick: () => this.take(option),
        onmousemove: () =>
          this.activate(
            this.offered.findIndex((each) => each.node === node),
            false,
          ),
      },
      h("span.names", {}, h("span", {}, this.nameOf(option)), description),
      isTaken && icon("check", 16),
    );
    this.offered.push({ option, node });
    return node;
  }

  activate(index, isScrolling = true) {
    this.offered[this.active]?.node.classList.remove("active");
    this.active = index;
    const node = this.offered[index]?.node;
    if (!node) return;
    node.classList.add("active");
    this.input.setAttribute("aria-activedescendant", node.id);
    if (isScrolling) node.scrollIntoView({ block: "nearest" });
  }

  press(event) {
    if (event.isComposing) return;
    if (!this.isOpen) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.open();
      } else if (
        event.key === "Backspace" &&
        this.isMulti &&
        this.input.value === "" &&
        this.chosen.length
      ) {
        this.remove(this.chosen.length - 1);
      }
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      const active = this.offered[this.active];
      if (active) this.take(active.option);
    } else if (event.key === "Tab") {
      this.close();
    } else if (event.key !== "Home" && event.key !== "End") {
      const next = moved(event, this.offered, this.active);
      if (next !== this.active) this.activate(next);
    }
  }

  async take(option) {
    let value = option;
    if (this.isMulti) {
      const key = keyOf(option);
      const without = this.chosen.filter((each) => keyOf(each) !== key);
      value = without.length < this.chosen.length ? without : [...without, option];
    }
    this.close?.();
    await this.handle.choose(value);
    this.showChosen();
  }

  async remove(index) {
    await this.handle.choose(this.chosen.filter((_, at) => at !== index));
    this.showChosen();
  }
}

function keyOf(option) {
  return typeof option === "object" ? option?.value : option;
}

function grouped(source) {
  if (source.option_groups)
    return source.option_groups.map((group) => ({
      label: withEmoji(group.label.text),
      options: group.options,
    }));
  return [{ options: source.options ?? [] }];
}
