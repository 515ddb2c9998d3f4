/** The bot's commands: what is offered while one is typed, and the menu of all. */

import { h, newId } from "./dom.js";
import { moved } from "./popover.js";

/** The list over the field in which a command is being typed. */
export class Suggestions {
  /** @param {{onsend: Function, oncomplete: Function}} listeners Both get a command's name. */
  constructor(field, { onsend, oncomplete }) {
    this.field = field;
    this.onsend = onsend;
    this.oncomplete = oncomplete;
    this.commands = [];
    this.offered = [];
    this.active = -1;
    const id = newId("commands");
    this.root = h("div.suggestions", {
      id,
      role: "listbox",
      "aria-label": "Commands",
      hidden: true,
      onmousedown: (event) => event.preventDefault(),
    });
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", id);
    this.offer([]);
  }

  /** Offer what the text may become. */
  suggest() {
    const found = /^\/(\S*)$/.exec(this.field.value);
    const start = found?.[1].toLowerCase();
    this.offer(found ? this.commands.filter((each) => each.command.startsWith(start)) : []);
  }

  offer(commands) {
    this.offered = commands.map((entry) => ({ entry, node: this.option(entry) }));
    this.root.hidden = commands.length === 0;
    this.field.setAttribute("aria-expanded", String(commands.length > 0));
    this.field.removeAttribute("aria-activedescendant");
    this.root.replaceChildren(...this.offered.map(({ node }) => node));
    this.activate(commands.length > 0 ? 0 : -1);
  }

  option(entry) {
    return h(
      "div.option",
      {
        id: newId("command"),
        role: "option",
        "aria-selected": "false",
        onclick: () => this.onsend(entry.command),
      },
      h("strong", {}, `/${entry.command}`),
      h("span", {}, entry.description),
    );
  }

  activate(index) {
    this.offered[this.active]?.node.setAttribute("aria-selected", "false");
    this.active = index;
    const node = this.offered[index]?.node;
    if (!node) return;
    node.setAttribute("aria-selected", "true");
    node.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", node.id);
  }

  /** Take a key; return whether it was meant for the list. */
  take(event) {
    const active = this.offered[this.active];
    if (!active) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp")
      this.activate(moved(event, this.offered, this.active));
    else if (event.key === "Escape") this.offer([]);
    else if (event.key === "Tab") this.oncomplete(active.entry.command);
    else if (event.key === "Enter") this.onsend(active.entry.command);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}

/** Return the items of the menu of all commands. */
export function commandItems(commands, onsend) {
  return commands.map((entry) =>
    h(
      "button.item.command",
      { type: "button", role: "menuitem", tabIndex: -1, onclick: () => onsend(entry.command) },
      h("span", {}, entry.description),
      h("small", {}, `/${entry.command}`),
    ),
  );
}
