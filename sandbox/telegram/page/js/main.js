/** Opens the chats: builds the page's parts, and tells each what changed. */

import { Failure, read } from "./api.js";
import { Chats } from "./chats.js";
import { Conversation } from "./conversation.js";
import { closeAll, useLayer } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { guarded } from "./guard.js";
import { coalesced, Live } from "./live.js";
import { OuterFrame } from "./outer_frame.js";
import { People } from "./people.js";
import { Phone } from "./phone.js";
import { Session, wantedBy } from "./session.js";

const LOOK_AROUND_EVERY = 5_000;
const outside = new OuterFrame();
const isNarrow = matchMedia("(max-width: 559px)");
/** Whether the phone lies in a strip over the chats rather than beside them. */
const isStrip = matchMedia("(max-width: 1079px)");

async function open() {
  const session = new Session(await read("telegram"));
  const { user, chat } = wantedBy(new URL(location.href));
  session.person = session.user(outside.wanted ?? user) ?? session.person;
  session.wanted = chat;
  new Page(session).start();
}

/** The whole page. */
class Page {
  constructor(session) {
    this.session = session;
    this.layer = h("div.layer");
    this.conversation = new Conversation(session, { onback: () => this.showList(true) });
    this.chats = new Chats(session, { ongo: () => this.showList(false) });
    this.phone = new Phone(session);
    this.people = new People(session, { phoneToggle: this.phoneToggle() });
    this.desk = h("div.desk", {}, this.chats.root, this.conversation.root);
    this.frame = h("div.window", {}, this.desk, this.layer);
    useLayer(this.layer, this.desk);
    this.root = document.getElementById("app");
    this.root.replaceChildren(this.people.root, this.frame, this.phone.root);
    this.showPhone(!isStrip.matches);
    this.refreshers = this.makeRefreshers();
    this.live = new Live({
      onnews: (news) => this.hear(news),
      ononline: (isOnline) => this.online(isOnline),
    });
  }

  makeRefreshers() {
    const { session } = this;
    const work = {
      chats: async () => {
        const { person } = session;
        const { chats } = await read("inbox", { user: person.id });
        if (person === session.person) session.received(chats);
      },
      conversation: () => this.conversation.refresh(),
      commands: () => this.conversation.refreshCommands(),
      directory: async () => {
        session.learn(await read("telegram"));
        session.tell("directory");
      },
    };
    return Object.fromEntries(
      Object.entries(work).map(([name, each]) => [name, guarded(coalesced(each))]),
    );
  }

  start() {
    const { session } = this;
    session.on("chats", () => this.showChats());
    session.on("directory", () => this.people.show());
    session.on("person", () => this.personChanged());
    session.on("chat", () => this.chatChanged());
    session.on("keypad", () => this.keypadChanged());
    session.on("sent", () => this.refreshChat());
    document.addEventListener("visibilitychange", () => this.follow());
    window.addEventListener("popstate", () => this.goBack());
    outside.onactas = (user) => {
      session.become(user);
      outside.tell(session.person.id);
    };
    setInterval(() => document.hidden || this.people.lookAround(), LOOK_AROUND_EVERY);
    this.root.classList.toggle("driven", outside.isDriving);
    this.personChanged();
  }

  // ---- what changed -----------------------------------------------------------------------------

  personChanged() {
    closeAll();
    this.conversation.clear();
    this.people.show();
    this.chats.clear();
    this.showChats();
    guarded(() => this.phone.open())();
    this.follow();
    this.refreshers.chats();
    this.people.lookAround();
    outside.tell(this.session.person.id);
  }

  chatChanged() {
    this.showChats();
    this.remember();
    guarded(() => this.conversation.open())();
  }

  showChats() {
    const { session } = this;
    this.chats.show();
    const unread = session.chats.reduce((sum, entry) => sum + entry.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ""}Telegram – ${session.person.name}`;
  }

  /** Take in what the server tells. */
  hear({ type, chat }) {
    const { session, refreshers } = this;
    const id = String(chat);
    if (type === "typing") {
      session.setTyping(id, true);
      return;
    }
    if (type === "message") session.setTyping(id, false);
    if (type === "chat") {
      refreshers.directory();
      refreshers.commands();
    }
    if (id === session.chat) refreshers.conversation();
    refreshers.chats();
    this.people.lookAround();
  }

  refreshChat() {
    this.refreshers.conversation();
    this.refreshers.chats();
  }

  /** Follow the news while the page is seen. */
  follow() {
    if (document.hidden) this.live.pause();
    else this.live.follow(this.session.person.id);
  }

  online(isOnline) {
    this.people.setOnline(isOnline);
    if (!isOnline) return;
    this.refreshChat();
    this.refreshers.commands();
    guarded(() => this.phone.refresh())();
  }

  // ---- the list, where there is room for only one -----------------------------------------------

  showList(isShown) {
    const { session } = this;
    session.isAtList = isShown && isNarrow.matches;
    this.frame.classList.toggle("at-list", isShown);
    if (session.isAtList) this.chats.root.querySelector(".here")?.focus();
    else this.refreshers.conversation();
  }

  // ---- the address ------------------------------------------------------------------------------

  remember() {
    const { address } = this.session;
    if (address === location.pathname + location.search) return;
    const isArrival = !history.state || outside.isFramed;
    history[isArrival || this.isGoingBack ? "replaceState" : "pushState"]({ address }, "", address);
  }

  goBack() {
    const { session } = this;
    const { user, chat } = wantedBy(new URL(location.href));
    this.isGoingBack = true;
    if (user && user !== session.person.id) session.become(user);
    if (chat) session.goTo(chat);
    this.isGoingBack = false;
  }

  // ---- the phone --------------------------------------------------------------------------------

  phoneToggle() {
    this.toggle = h(
      "button.phone-toggle",
      {
        type: "button",
        onclick: () => {
          this.isPhoneLent = false;
          this.showPhone(!this.root.classList.contains("with-phone"));
        },
      },
      icon("phone", 18),
      h("span", {}, "Phone"),
    );
    return this.toggle;
  }

  showPhone(isShown) {
    this.root.classList.toggle("with-phone", isShown);
    this.phone.root.inert = !isShown;
    this.toggle.setAttribute("aria-pressed", String(isShown));
  }

  /** Where the phone is put away, it is taken out while a code is asked for. */
  keypadChanged() {
    if (!isStrip.matches) return;
    const isAsked = Boolean(this.session.keypad);
    const isOut = this.root.classList.contains("with-phone");
    if (isAsked && !isOut) {
      this.isPhoneLent = true;
      this.showPhone(true);
    } else if (!isAsked && this.isPhoneLent) {
      this.isPhoneLent = false;
      this.showPhone(false);
    }
  }
}

open().catch((problem) => {
  if (!(problem instanceof Failure)) console.error(problem);
  const again = h(
    "button.button.primary",
    { type: "button", onclick: () => location.reload() },
    "Try again",
  );
  document
    .getElementById("app")
    .replaceChildren(h("div.boot", { role: "alert" }, h("p", {}, problem.message), again));
});
