/** Text inputs, pickers, radio buttons and checkboxes. */

import { h, newId } from "./dom.js";
import { textObject } from "./mrkdwn.js";

const KINDS = {
  email_text_input: { type: "email", inputmode: "email", autocomplete: "off" },
  url_text_input: { type: "url", inputmode: "url", autocomplete: "off" },
  // Text, not "number": what is typed must reach the app character for character.
  number_input: { type: "text", inputmode: "decimal", autocomplete: "off" },
  plain_text_input: { type: "text", autocomplete: "off", spellcheck: "false" },
};

/** Return a field to type into. */
export function textInput(handle) {
  const { element } = handle;
  const isRich = element.type === "rich_text_input";
  const typed = {
    maxlength: element.max_length,
    placeholder: handle.placeholder || null,
    ...handle.described,
  };
  const isLong = isRich || element.multiline;
  const value = isRich ? plainOf(handle.value) : (handle.value ?? "");
  const made = isLong
    ? h("textarea.field", { rows: 4, ...typed, value })
    : h("input.field", { ...KINDS[element.type], ...typed, value });
  const current = () => (made.value === "" ? null : isRich ? richOf(made.value) : made.value);
  made.addEventListener("input", () => {
    handle.keep(current());
    if (tells(handle, "on_character_entered")) later(handle, current);
  });
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || (isLong && !(event.ctrlKey || event.metaKey)))
      return;
    if (handle.isTelling && handle.isInput && tells(handle, "on_enter_pressed")) {
      event.preventDefault();
      handle.choose(current());
    }
  });
  return made;
}

function tells(handle, what) {
  if (!handle.isTelling) return false;
  const wanted = handle.element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  return wanted.includes(what);
}

const timers = new WeakMap();

function later(handle, current) {
  clearTimeout(timers.get(handle));
  timers.set(
    handle,
    setTimeout(() => handle.choose(current()), 350),
  );
}

function richOf(text) {
  return {
    type: "rich_text",
    elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }],
  };
}

function plainOf(value) {
  return (value?.elements ?? [])
    .flatMap((group) => group.elements ?? [])
    .map((leaf) => leaf.text ?? "")
    .join("");
}

/** Return a date, a time or both to pick. */
export function picker(handle) {
  const { element } = handle;
  const kind = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[
    element.type
  ];
  const isBoth = kind === "datetime-local";
  const shown = isBoth && handle.value ? localOf(handle.value) : (handle.value ?? "");
  const made = h("input.field.picker", { type: kind, ...handle.described, value: shown });
  made.addEventListener("change", async () => {
    const before = handle.value;
    const value =
      made.value === ""
        ? null
        : isBoth
          ? Math.floor(new Date(made.value).getTime() / 1000)
          : made.value;
    if (value === before) return;
    if (!(await handle.choose(value)))
      made.value = isBoth && before ? localOf(before) : (before ?? "");
  });
  return made;
}

function localOf(seconds) {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Return one choice of a few. */
export function radioButtons(handle) {
  const name = newId("radio");
  const rows = handle.element.options.map((option) => {
    const box = h("input", { type: "radio", name, checked: handle.value?.value === option.value });
    box.addEventListener("change", async () => {
      if (await handle.choose(option)) return;
      for (const [index, row] of rows.entries()) {
        row.querySelector("input").checked =
          handle.element.options[index].value === handle.value?.value;
      }
    });
    return choice(box, option, handle);
  });
  return h("div.choices", { role: "radiogroup", ...handle.described }, rows);
}

/** Return any of a few choices. */
export function checkboxes(handle) {
  const isTaken = (option) => (handle.value ?? []).some((each) => each.value === option.value);
  const rows = handle.element.options.map((option) => {
    const box = h("input", { type: "checkbox", checked: isTaken(option) });
    box.addEventListener("change", async () => {
      const taken = handle.element.options.filter(
        (each, index) => rows[index].querySelector("input").checked,
      );
      if (!(await handle.choose(taken))) box.checked = isTaken(option);
    });
    return choice(box, option, handle);
  });
  return h("div.choices", { role: "group", ...handle.described }, rows);
}

function choice(box, option, { session }) {
  const description =
    option.description && h("span.description", {}, textObject(option.description, session));
  return h(
    "label.choice",
    {},
    box,
    h("span.text", {}, h("span", {}, textObject(option.text, session)), description),
  );
}
