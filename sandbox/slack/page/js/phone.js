/** The person's phone beside the workspace, with their authenticator app. */

import { Failure, read } from "./api.js";
import { firstName } from "./avatar.js";
import { time } from "./dates.js";
import { h, icon } from "./dom.js";
import { toast } from "./toast.js";

const FIELD = "input.field[type=text]";
const CODE = /code|otp|token/i;

/** Seconds a code lasts (RFC 6238's recommended time step). */
const PERIOD = 30;

/** Shows the code that the person's authenticator shows now. */
export class Phone {
  /** @param {Element} layer Where modals are put: their fields can be filled from here. */
  constructor(session, layer) {
    this.session = session;
    this.layer = layer;
    this.code = null;
    this.build();
    new MutationObserver(() => this.showFill()).observe(layer, { childList: true, subtree: true });
    setInterval(() => this.tick(), 1000);
  }

  build() {
    this.clock = h("span");
    this.owner = h("p.caption");
    this.screen = h("div.phone-screen");
    this.root = h(
      "aside.phone",
      { "aria-label": "Phone with the authenticator app" },
      h(
        "div.device",
        {},
        h(
          "div.status-bar",
          { "aria-hidden": "true" },
          this.clock,
          h("i.island"),
          h("span.battery"),
        ),
        this.screen,
      ),
      this.owner,
    );
    this.digits = h("span.digits");
    this.ring = ring();
    // Taking the code must not take the focus from the field it is for.
    const keep = (event) => event.preventDefault();
    this.fill = h(
      "button.button.primary",
      { type: "button", onpointerdown: keep, onmousedown: keep, onclick: () => this.fillIn() },
      icon("type", 16),
      "Fill in",
    );
    this.copy = h(
      "button.button",
      { type: "button", onpointerdown: keep, onmousedown: keep, onclick: () => this.copyCode() },
      icon("copy", 16),
      h("span", {}, "Copy"),
    );
    this.account = h("span");
    this.card = h(
      "section.otp",
      { "aria-label": "One-time code" },
      h(
        "header",
        {},
        h("span.avatar.app-avatar.tiny", { "aria-hidden": "true" }, icon("app", 18)),
        h("span.otp-names", {}, (this.issuer = h("strong")), this.account),
      ),
      h(
        "button.code",
        {
          type: "button",
          title: "Fill in or copy",
          onpointerdown: keep,
          onmousedown: keep,
          onclick: () => (this.target() ? this.fillIn() : this.copyCode()),
        },
        this.digits,
        this.ring.root,
      ),
      h("div.otp-buttons", {}, this.fill, this.copy),
    );
    this.advice = h("p.advice", {}, "Click the code to put it into the form that is open.");
    this.none = h(
      "div.otp-none",
      {},
      icon("shield", 34),
      h("strong", {}, "No accounts yet"),
      h("p", {}, "Codes appear here once this person has set up a second factor."),
    );
  }

  /** Show the phone of another person. */
  async open() {
    const { person, app } = this.session;
    this.owner.textContent = `${firstName(person)}’s phone`;
    this.issuer.textContent = app.name;
    this.account.textContent = person.real_name || person.name;
    this.code = null;
    this.left = 0;
    this.screen.replaceChildren(h("h2", {}, icon("shield", 20), "Authenticator"));
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
    if (shown[0].parentNode !== this.screen)
      this.screen.replaceChildren(this.screen.firstChild, ...shown);
    this.digits.textContent = this.code ? `${this.code.slice(0, 3)} ${this.code.slice(3)}` : "";
    this.digits.setAttribute("aria-label", this.code ?? "");
    this.tick();
    this.showFill();
  }

  tick() {
    this.clock.textContent = time(this.session.person, new Date());
    if (this.until === undefined) return;
    const left = Math.max(0, Math.ceil((this.until - performance.now()) / 1000));
    this.ring.show(left / PERIOD, left);
    this.card.classList.toggle("ending", left <= 5);
    if (left === 0 && !this.isAsking && !document.hidden) this.refresh();
  }

  /** Return the field of the open form that asks for a code, or the only field there is. */
  target() {
    const fields = [...this.layer.querySelectorAll(`.veil:not([inert]) .modal ${FIELD}`)];
    const isForCode = (field) => CODE.test(field.closest("[data-block]").dataset.block);
    return fields.find(isForCode) ?? (fields.length === 1 ? fields[0] : null);
  }

  showFill() {
    this.fill.disabled = !this.code || !this.target();
  }

  fillIn() {
    const field = this.target();
    if (!field || !this.code) return;
    field.value = this.code;
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    field.focus();
  }

  async copyCode() {
    if (!this.code) return;
    try {
      await navigator.clipboard.writeText(this.code);
      this.copy.lastChild.textContent = "Copied";
      setTimeout(() => (this.copy.lastChild.textContent = "Copy"), 1500);
    } catch {
      toast("This browser does not let the page copy. Select the code instead.");
    }
  }
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
    for (const [key, value] of Object.entries({
      cx: 18,
      cy: 18,
      r: 15,
      class: name,
      pathLength: 100,
    }))
      circle.setAttribute(key, value);
    svg.append(circle);
    return circle;
  });
  const label = h("span", {});
  return {
    root: h("span.countdown", {}, svg, label),
    show(share, seconds) {
      circles[1].style.strokeDashoffset = String(100 - Math.min(1, share) * 100);
      label.textContent = String(seconds);
    },
  };
}
