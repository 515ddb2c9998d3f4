/** Interactive elements: which control each type of element gets, and the input block around it. */

import { ask } from "./dialogs.js";
import { fragment, h, icon, newId, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { fileInput } from "./file_input.js";
import { checkboxes, picker, radioButtons, textInput } from "./inputs.js";
import { moved, popover } from "./popover.js";
import { select } from "./select.js";

const CONTROLS = {
  button,
  workflow_button: button,
  overflow,
  plain_text_input: textInput,
  number_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  rich_text_input: textInput,
  file_input: fileInput,
  datepicker: picker,
  timepicker: picker,
  datetimepicker: picker,
  checkboxes,
  radio_buttons: radioButtons,
};

/** One interactive element in its place. */
class Handle {
  constructor(block, element, surface, ids = {}) {
    this.block = block;
    this.element = element;
    this.surface = surface;
    this.session = surface.session;
    this.labelId = ids.labelId ?? null;
    this.hintId = ids.hintId ?? null;
    this.isInput = block.type === "input";
    this.isTelling = !this.isInput || block.dispatch_action === true;
    this.isOptional = this.isInput && block.optional === true;
  }

  get value() {
    return this.surface.value(this.block, this.element);
  }

  /** Keep what was typed; nobody is told yet. */
  keep(value) {
    this.surface.change(this.block, this.element, value);
    this.onchange?.();
  }

  /** Take a choice, and tell the app where the element is one that tells; false if it was denied. */
  async choose(value) {
    if (this.element.confirm && !(await ask(this.element.confirm, this.session))) return false;
    this.keep(value);
    if (this.isTelling) await this.surface.act(this.block, this.element, value);
    return true;
  }

  /** Say beneath the input what is wrong with it; an empty text takes that away. */
  complain(text) {
    const block = this.surface.inputs.get(this.block.block_id);
    if (block) mark(block, text);
  }

  get placeholder() {
    return withEmoji(this.element.placeholder?.text ?? "");
  }

  /** Attributes that tie the control to its label, hint and error. */
  get described() {
    const name = this.labelId
      ? null
      : this.element.accessibility_label || this.placeholder || this.element.action_id;
    return {
      "aria-labelledby": this.labelId,
      "aria-describedby": this.hintId,
      "aria-label": name,
      data: { action: this.element.action_id },
    };
  }
}

/** Return the control of an element. */
export function control(block, element, surface, ids) {
  const make = CONTROLS[element.type] ?? select;
  return make(new Handle(block, element, surface, ids));
}

function button(handle) {
  const { block, element, surface } = handle;
  const label = withEmoji(element.text.text);
  const look = element.style ? `button.button.${element.style}` : "button.button";
  let isWaiting = false;
  const press = async () => {
    if (isWaiting) return;
    if (element.confirm && !(await ask(element.confirm, surface.session))) return;
    isWaiting = true;
    made.classList.add("waiting");
    made.setAttribute("aria-busy", "true");
    const url = safeUrl(element.url);
    if (element.url && url) window.open(url, "_blank", "noopener,noreferrer");
    await surface.act(block, element);
    isWaiting = false;
    made.classList.remove("waiting");
    made.removeAttribute("aria-busy");
  };
  const made = h(
    look,
    {
      type: "button",
      "aria-label": element.accessibility_label,
      data: { action: element.action_id },
      onclick: press,
    },
    h("span.face", {}, label),
    h("span.spinner", { "aria-hidden": "true" }),
  );
  return made;
}

function overflow(handle) {
  const { element } = handle;
  const take = async (option) => {
    close?.();
    opener.focus();
    const url = safeUrl(option.url);
    if (option.url && url) window.open(url, "_blank", "noopener,noreferrer");
    await handle.choose(option);
  };
  let close = null;
  const open = () => {
    const items = element.options.map((option) =>
      h(
        "button.item",
        { type: "button", role: "menuitem", onclick: () => take(option) },
        h("span", {}, withEmoji(option.text.text)),
      ),
    );
    const steer = (event) =>
      items[moved(event, items, items.indexOf(document.activeElement))]?.focus();
    opener.setAttribute("aria-expanded", "true");
    close = popover(opener, h("div.menu", { role: "menu", onkeydown: steer }, items), {
      side: "end",
      onclose: () => opener.setAttribute("aria-expanded", "false"),
    });
    items[0]?.focus();
  };
  const opener = h(
    "button.button.square",
    {
      type: "button",
      ...handle.described,
      "aria-label": "More actions",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: open,
    },
    icon("more"),
  );
  return opener;
}

/** Return an input block: label, control, hint, and room for what is wrong with it. */
export function inputBlock(block, surface) {
  const labelId = newId("label");
  const hintId = newId("hint");
  const made = control(block, block.element, surface, { labelId, hintId });
  const target = labelled(made);
  if (target && !target.id) target.id = newId("field");
  const optional = block.optional && h("span.optional", {}, "(optional)");
  const label = h(
    "label.b-label",
    { id: labelId, for: target?.id },
    withEmoji(block.label.text),
    optional,
  );
  const hint = block.hint && h("p.b-hint", {}, withEmoji(block.hint.text));
  const built = h(
    "div.b-input",
    {},
    label,
    made,
    h("div", { id: hintId }, h("p.b-error", { hidden: true }), hint || fragment()),
  );
  surface.inputs.set(block.block_id, built);
  return built;
}

/** Return the element that a label belongs to; groups are labelled by reference alone. */
function labelled(made) {
  return made.matches("input, textarea")
    ? made
    : made.querySelector(":scope > input, :scope > .values > input");
}

/** Show beneath each input of `root` what is wrong with it, and go to the first. */
export function showErrors(root, errors) {
  const wrong = [];
  for (const block of root.querySelectorAll(".b-input")) {
    const text = errors[block.dataset.block];
    mark(block, text);
    if (text) wrong.push(block);
  }
  wrong[0]?.querySelector("input, textarea")?.focus();
  wrong[0]?.scrollIntoView({ block: "nearest" });
}

/** Show beneath one input what is wrong with it, or that nothing is. */
function mark(block, text) {
  const line = block.querySelector(".b-error");
  line.hidden = !text;
  line.replaceChildren(text ? fragment(icon("warning", 15), text) : "");
  block.classList.toggle("wrong", Boolean(text));
  const fields = block.querySelectorAll("input, textarea, [role=radiogroup], [role=group]");
  for (const field of fields) field.setAttribute("aria-invalid", String(Boolean(text)));
}
