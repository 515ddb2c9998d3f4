/** The person's phone beside the chats, with their authenticator app. */

import { Failure, read } from "./api.js";
import { botAvatar, firstName } from "./avatar.js";
import { copyText } from "./clipboard.js";
import { time } from "./dates.js";
import { h, icon } from "./dom.js";

/** Seconds a code lasts (RFC 6238's recommended time step). */
const PERIOD = 30;
/** Seconds in which a code that is being typed may still run out. */
const ENDING = 5;

/** Shows the code that the person's authenticator shows now. */
export class Phone {
  constructor(session) {
    this.session = session;
    this.code = null;
    this.build();
    session.on("keypad", () => this.showButtons());
    setInterval(() => this.tick(), 1000);
  }

  build() {
    this.clock = h("span");
    this.owner = h("p.caption");
    this.screen = h("div.phone-screen");
    const bar = h(
      "div.status-bar",
      { "aria-hidden": "true" },
      this.clock,
      h("i.island"),
      h("span.battery"),
    );
    this.root = h(
      "aside.phone",
      { "aria-label": "Phone with the authenticator app" },
      h("div.device", {}, bar, this.screen),
      this.owner,
    );
    this.heading = h("h2", {}, icon("shield", 20), "Authenticator");
    this.buildCard();
    this.advice = h(
      "p.advice",
      {},
      "Where the bot shows a keypad, press the digits there, or let them be typed.",
    );
    this.none = h(
      "div.otp-none",
      {},
      icon("shield", 34),
      h("strong", {}, "No accounts yet"),
      h("p", {}, "Codes appear here once this person has set up a second factor."),
    );
  }

  buildCard() {
    this.digits = h("span.digits");
    this.ring = ring();
    this.type = button("type", "Type in", () => this.typeIn());
    this.type.classList.add("primary");
    this.copy = button("copy", "Copy", () => this.copyCode());
    this.account = h("span");
    this.issuer = h("strong");
    this.card = h(
      "section.otp",
      { "aria-label": "One-time code" },
      h("header", {}, botAvatar("tiny"), h("span.otp-names", {}, this.issuer, this.account)),
      h("p.code", {}, this.digits, this.ring.root),
      h("div.otp-buttons", {}, this.type, this.copy),
    );
  }

  /** Show the phone of another person. */
  async open() {
    const { person, bot } = this.session;
    this.owner.textContent = `${firstName(person)}’s phone`;
    this.issuer.textContent = bot.name;
    this.account.textContent = person.name;
    this.code = null;
    this.until = undefined;
    this.screen.replaceChildren(this.heading);
    await this.refresh();
  }

  /** Ask for the code that is shown now. */
  async refresh() {
    const { person } = this.session;
    this.isAsking = true;
    try {
      const { code, seconds_left: left } = await read("totp", { user: person.id });
      if (person !== this.session.person) return;
      this.code = code;
      this.until = performance.now() + (left ?? PERIOD) * 1000;
      this.showCode();
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
    } finally {
      this.isAsking = false;
    }
  }

  showCode() {
    const shown = this.code ? [this.card, this.advice] : [this.none];
    if (shown[0].parentNode !== this.screen) this.screen.replaceChildren(this.heading, ...shown);
    this.digits.textContent = this.code ? `${this.code.slice(0, 3)} ${this.code.slice(3)}` : "";
    this.tick();
    this.showButtons();
  }

  tick() {
    this.clock.textContent = time(new Date());
    if (this.until === undefined) return;
    const left = Math.max(0, Math.ceil((this.until - performance.now()) / 1000));
    this.ring.show(left / PERIOD, left);
    this.card.classList.toggle("ending", left <= ENDING);
    if (left === 0 && !this.isAsking && !document.hidden) this.refresh();
  }

  showButtons() {
    this.type.disabled = !this.code || !this.session.keypad || this.isTyping;
  }

  /** Press the code's digits on the bot's keypad, one after the other, as a person would. */
  async typeIn() {
    const { keypad, person } = this.session;
    const { code } = this;
    if (!keypad || !code || this.isTyping) return;
    this.isTyping = true;
    this.showButtons();
    for (const digit of code) {
      if (person !== this.session.person || keypad !== this.session.keypad) break;
      if (!(await keypad.pressLabel(digit))) break;
    }
    this.isTyping = false;
    this.showButtons();
  }

  async copyCode() {
    if (!this.code || !(await copyText(this.code))) return;
    this.copy.lastChild.textContent = "Copied";
    setTimeout(() => (this.copy.lastChild.textContent = "Copy"), 1500);
  }
}

/** Return a button that leaves the focus where it is. */
function button(sign, label, onclick) {
  const keep = (event) => event.preventDefault();
  return h(
    "button.button",
    { type: "button", onmousedown: keep, onclick },
    icon(sign, 16),
    h("span", {}, label),
  );
}

/** Return a ring that empties. */
function ring() {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 36 36");
  svg.setAttribute("class", "ring");
  svg.setAttribute("aria-hidden", "true");
  const circles = ["track", "rest"].map((name) => {
    const circle = document.createElementNS(space, "circle");
    const given = { cx: 18, cy: 18, r: 15, class: name, pathLength: 100 };
    for (const [key, value] of Object.entries(given)) circle.setAttribute(key, value);
    svg.append(circle);
    return circle;
  });
  const label = h("span");
  return {
    root: h("span.countdown", {}, svg, label),
    show(share, seconds) {
      circles[1].style.strokeDashoffset = String(100 - Math.min(1, share) * 100);
      label.textContent = String(seconds);
    },
  };
}
