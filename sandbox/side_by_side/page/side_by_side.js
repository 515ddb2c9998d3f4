/** Two chats side by side, and one person in both of them. */

const SHARE_KEY = "side-by-side.share";
const LEAST = 22;
const EVEN = 50;
const STEP = 4;
/** Milliseconds in which a frame that opens may not take the keys from who walks the people. */
const ARRIVING = 2_000;

/** Return an element; text is only ever put in as text. */
function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/** One of the two chats, in its frame. */
class Side {
  /** @param {{name: string, url: string}} chat */
  constructor(chat, key) {
    this.name = chat.name;
    this.url = new URL(chat.url, location.href);
    /** Under which of a person's keys their user id in this chat stands. */
    this.key = key;
    /** Whether the page in the frame has said that it can be told who acts. */
    this.listens = false;
    /** Whom it was told to act as and has not confirmed. */
    this.told = null;
    this.frame = h("iframe", {
      title: chat.name,
      allow: "clipboard-read; clipboard-write",
      referrerpolicy: "origin",
    });
    this.cover = h("p.cover", { role: "status" });
    this.root = h("section.side", { "aria-label": chat.name }, this.frame, this.cover);
  }

  /** Show the chat as somebody sees it. */
  actAs(person) {
    const user = person[this.key];
    this.cover.textContent = user ? "" : `${person.name} is not in ${this.name}.`;
    this.root.classList.toggle("nobody", !user);
    if (!user || user === this.user) return;
    this.user = user;
    if (this.listens) this.tell(user);
    else this.load(user);
  }

  tell(user) {
    this.told = user;
    this.frame.contentWindow.postMessage({ type: "act-as", user }, this.url.origin);
  }

  load(user) {
    const address = new URL(this.url);
    address.searchParams.set("user", user);
    // Replaced, so that Back leads to the person before and not through the frames.
    if (this.frame.src) this.frame.contentWindow.location.replace(address);
    else this.frame.src = address;
  }

  /** Take in what a frame says; return the user its visitor chose there, if that is news. */
  hear({ source, origin, data }) {
    if (source !== this.frame.contentWindow || origin !== this.url.origin) return null;
    if (data?.type !== "acting-as") return null;
    this.listens = true;
    const user = String(data.user);
    if (this.told !== null) {
      // What it says meanwhile is from before it was told.
      if (user === this.told) this.told = null;
      return null;
    }
    if (user === this.user) return null;
    this.user = user;
    return user;
  }
}

/** The whole page. */
class Page {
  constructor({ title, hint, left, right, people }) {
    this.people = people;
    this.title = title;
    this.sides = [new Side(left, "left_user"), new Side(right, "right_user")];
    this.chips = people.map((person, index) => this.chip(person, index));
    this.split = new Split(...this.sides.map((side) => side.root));
    const list = h("div.people", { role: "radiogroup", "aria-label": "Act as" }, ...this.chips);
    list.addEventListener("keydown", (event) => this.walk(event));
    document.title = title;
    document
      .getElementById("app")
      .replaceChildren(
        h(
          "header.top",
          {},
          h("h1", {}, title),
          h("span.you", { "aria-hidden": "true" }, "You are"),
          list,
          h("p.hint", {}, h("b", {}, "Try: "), hint),
        ),
        this.split.root,
      );
    addEventListener("message", (event) => this.hear(event));
    addEventListener("blur", () => this.keepKeys());
    addEventListener("popstate", () => this.become(this.wanted(), { isNews: false }));
    this.become(this.wanted(), { isNews: false });
  }

  chip(person, index) {
    return h(
      "button.chip",
      {
        type: "button",
        role: "radio",
        "aria-checked": "false",
        "data-colour": index % 7,
        onclick: () => this.become(person),
      },
      h("span.face", { "aria-hidden": "true" }, initials(person.name)),
      h("span.names", {}, h("strong", {}, person.name), h("small", {}, person.title)),
    );
  }

  wanted() {
    const id = new URL(location.href).searchParams.get("person");
    return this.people.find((person) => person.id === id) ?? this.people[0];
  }

  /** Act as somebody in both chats. */
  become(person, { isNews = true } = {}) {
    if (!person || person === this.person) return;
    this.person = person;
    this.chips.forEach((chip, index) => {
      const isHere = this.people[index] === person;
      chip.setAttribute("aria-checked", String(isHere));
      chip.tabIndex = isHere ? 0 : -1;
    });
    for (const side of this.sides) side.actAs(person);
    document.title = `${person.name} – ${this.title}`;
    if (isNews) history.pushState(null, "", `?${new URLSearchParams({ person: person.id })}`);
  }

  /** Follow a visitor who chose somebody else inside a frame. */
  hear(event) {
    for (const side of this.sides) {
      const user = side.hear(event);
      const person = user && this.people.find((each) => each[side.key] === user);
      if (person) this.become(person);
    }
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const { length } = this.people;
    const next = (this.people.indexOf(this.person) + step + length) % length;
    this.become(this.people[next]);
    this.chips[next].focus();
    this.walkedAt = performance.now();
  }

  /** Stay among the people while they are being walked through. */
  keepKeys() {
    const isWalking = performance.now() - (this.walkedAt ?? -ARRIVING) < ARRIVING;
    const chip = this.chips[this.people.indexOf(this.person)];
    if (isWalking) setTimeout(() => chip.focus());
  }
}

/** Two boxes with a bar between them that can be moved by pointer and by keys. */
class Split {
  constructor(first, second) {
    this.isStacked = matchMedia("(max-width: 899px)");
    this.bar = h("div.bar", {
      role: "separator",
      tabindex: "0",
      "aria-label": "Move the border between the chats",
      "aria-valuemin": LEAST,
      "aria-valuemax": 100 - LEAST,
      title: "Drag to resize, double-click to halve",
      onpointerdown: (event) => this.grab(event),
      onpointermove: (event) => this.drag(event),
      onpointerup: () => this.release(),
      onpointercancel: () => this.release(),
      ondblclick: () => this.set(EVEN),
      onkeydown: (event) => this.press(event),
    });
    this.root = h("main.split", {}, first, this.bar, second);
    this.isStacked.addEventListener("change", () => this.set(this.share));
    this.set(Number(remembered(SHARE_KEY)) || EVEN);
  }

  set(share) {
    this.share = Math.min(100 - LEAST, Math.max(LEAST, share));
    this.root.style.setProperty("--first", `${this.share}fr`);
    this.root.style.setProperty("--second", `${100 - this.share}fr`);
    const isStacked = this.isStacked.matches;
    this.bar.setAttribute("aria-orientation", isStacked ? "horizontal" : "vertical");
    this.bar.setAttribute("aria-valuenow", String(Math.round(this.share)));
    remember(SHARE_KEY, String(this.share));
  }

  grab(event) {
    event.preventDefault();
    this.bar.focus();
    this.bar.setPointerCapture(event.pointerId);
    this.root.classList.add("moving");
  }

  drag(event) {
    if (!this.bar.hasPointerCapture(event.pointerId)) return;
    const box = this.root.getBoundingClientRect();
    const share = this.isStacked.matches
      ? (event.clientY - box.top) / box.height
      : (event.clientX - box.left) / box.width;
    this.set(share * 100);
  }

  release() {
    this.root.classList.remove("moving");
  }

  press(event) {
    const steps = {
      ArrowLeft: this.share - STEP,
      ArrowUp: this.share - STEP,
      ArrowRight: this.share + STEP,
      ArrowDown: this.share + STEP,
      Home: LEAST,
      End: 100 - LEAST,
      Enter: EVEN,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.set(steps[event.key]);
  }
}

function initials(name) {
  const words = name.split(/\s+/).filter((word) => /^\p{Script=Latin}/u.test(word));
  const [first = name.trim(), ...rest] = words;
  return `${[...first][0] ?? "?"}${[...(rest.at(-1) ?? "")][0] ?? ""}`.toUpperCase();
}

// A browser may keep its storage closed; then nothing is remembered.
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing depends on it.
  }
}

async function open() {
  const response = await fetch("/stage", { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  new Page(await response.json());
}

open().catch((problem) => {
  const again = h("button", { type: "button", onclick: () => location.reload() }, "Try again");
  document
    .getElementById("app")
    .replaceChildren(h("p.boot", { role: "alert" }, "The page did not open. ", again));
  console.error(problem);
});
