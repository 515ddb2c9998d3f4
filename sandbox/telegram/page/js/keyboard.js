/** The keyboard under a bot's message. */

import { act } from "./api.js";
import { alertBox, askToOpen } from "./dialogs.js";
import { arrange, h, icon } from "./dom.js";
import { guarded } from "./guard.js";
import { follow } from "./links.js";
import { safeUrl } from "./rich_text.js";
import { toast } from "./toast.js";

const STYLES = new Set(["success", "danger", "primary"]);
const DIGITS = [..."0123456789"];
/** Milliseconds after which a press does not wait any longer for the one before it. */
const PATIENCE = 400;

/**
 * Buttons that stay the same elements while a message is drawn anew, so that a press that is half
 * done is not lost.
 */
export class Keyboard {
  constructor(session, message) {
    this.session = session;
    this.cells = new Map();
    this.before = Promise.resolve();
    this.root = h("div.keyboard", { role: "group", "aria-label": "Buttons" });
    this.update(message);
  }

  /** Show the buttons of the message's newest version. */
  update(message) {
    this.message = message;
    const cells = new Map();
    const rows = (message.buttons ?? []).map((row, y) =>
      row.map((button, x) => {
        const key = `${y}:${x}:${kindOf(button)}`;
        const cell = this.cells.get(key) ?? this.cell(kindOf(button), `${y}:${x}`);
        cells.set(key, cell);
        this.fill(cell, button);
        return cell.node;
      }),
    );
    this.cells = cells;
    this.root.hidden = rows.length === 0;
    arrange(
      this.root,
      rows.map((nodes, y) => {
        const row = this.root.children[y] ?? h("div.keys");
        arrange(row, nodes);
        return row;
      }),
    );
  }

  cell(kind, at) {
    const label = h("span.label");
    const sign = { url: "arrow", web_app: "window" }[kind];
    const cell = { label };
    cell.node = h(
      kind === "url" ? "a.key" : "button.key",
      {
        ...(kind === "url"
          ? { target: "_blank", rel: "noopener noreferrer" }
          : { type: "button", onclick: () => this.press(cell) }),
        data: { at },
      },
      label,
      sign && h("span.sign", {}, icon(sign, 15)),
      h("span.progress", { "aria-hidden": "true" }),
    );
    return cell;
  }

  fill(cell, button) {
    cell.button = button;
    if (cell.label.textContent !== button.label) cell.label.textContent = button.label;
    cell.node.title = button.label.length > 24 ? button.label : "";
    cell.node.dataset.style = STYLES.has(button.style) ? button.style : "";
    if (kindOf(button) === "url") cell.node.href = safeUrl(button.url) ?? "about:blank";
  }

  /** Press a button: the bot hears of it, and may answer. */
  async press(cell) {
    const { button } = cell;
    const { session, message } = this;
    const work = this.before.then(() =>
      act("press", {
        user: session.person.id,
        chat: session.chat,
        id: message.id,
        data: button.data || button.web_app,
      }),
    );
    // Presses reach the bot in the order in which they were made.
    this.before = Promise.race([work.catch(() => null), pause(PATIENCE)]);
    cell.node.classList.add("busy");
    const answer = await guarded(() => work)();
    cell.node.classList.remove("busy");
    if (answer && message.chat === session.chat) await this.show(answer, button);
    return Boolean(answer);
  }

  async show({ answered, text, is_alert: isAlert, url }, button) {
    const { session } = this;
    if (url && button.web_app) await askToOpen(session.bot.name, url);
    else if (url) await follow(session, url);
    else if (text && isAlert) await alertBox(session.bot.name, text);
    else if (text) toast(text);
    else if (!answered) toast(`${session.bot.name} did not answer.`);
  }

  /** Whether all digits can be pressed here. */
  get isKeypad() {
    const labels = new Set((this.message.buttons ?? []).flat().map((button) => button.label));
    return DIGITS.every((digit) => labels.has(digit));
  }

  /** Press the button with a label; return whether the bot heard of it. */
  pressLabel(label) {
    const cell = [...this.cells.values()].find((each) => each.button.label === label);
    return cell ? this.press(cell) : Promise.resolve(false);
  }
}

function kindOf(button) {
  if (button.url) return "url";
  return button.web_app ? "web_app" : "data";
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
