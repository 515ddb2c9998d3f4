/** Opens the workspace: builds its parts, and tells each what changed. */

import { Failure, read } from "./api.js";
import { Conversation } from "./conversation.js";
import { useLayer } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { coalesced, Live } from "./live.js";
import { Modals } from "./modals.js";
import { People } from "./people.js";
import { Phone } from "./phone.js";
import { Rail } from "./rail.js";
import { Session, wantedBy } from "./session.js";
import { Thread } from "./thread.js";
import { toast } from "./toast.js";

const LOOK_AROUND_EVERY = 5_000;

async function open() {
  const session = new Session(await read("workspace"));
  const wanted = wantedBy(new URL(location.href));
  session.person = session.people.find((person) => person.id === wanted.user) ?? session.person;
  session.wanted = wanted;
  new Page(session).start();
}

/** The whole page. */
class Page {
  constructor(session) {
    this.session = session;
    this.layer = h("div.layer");
    this.rail = new Rail(session);
    this.conversation = new Conversation(session, {
      onmenu: () => this.frame.classList.toggle("with-rail"),
    });
    this.thread = new Thread(session);
    this.modals = new Modals(session);
    this.phone = new Phone(session, this.layer);
    this.people = new People(session, { phoneToggle: this.phoneToggle() });
    this.desk = h("div.desk", {}, this.rail.root, this.conversation.root, this.thread.root);
    this.frame = h("div.window", {}, this.desk, this.layer);
    useLayer(this.layer, this.desk);
    this.root = document.getElementById("app");
    this.root.replaceChildren(this.people.root, this.frame, this.phone.root);
    this.showPhone(!matchMedia("(max-width: 1020px)").matches);
    this.refreshers = this.makeRefreshers();
    this.live = new Live({
      onnews: (news) => this.hear(news),
      ononline: (isOnline) => this.online(isOnline),
    });
  }

  makeRefreshers() {
    const { session } = this;
    const work = {
      inbox: async () => {
        const { person } = session;
        const { channels } = await read("inbox", { user: person.id });
        if (person === session.person) session.received(channels);
      },
      conversation: () => this.conversation.refresh(),
      thread: () => this.thread.refresh(),
      views: () => this.modals.refresh(),
      home: () => session.isHome && this.conversation.home.refresh(),
      workspace: async () => {
        session.learn(await read("workspace"));
        session.tell("workspace");
      },
    };
    return Object.fromEntries(
      Object.entries(work).map(([name, each]) => [name, guarded(coalesced(each))]),
    );
  }

  start() {
    const { session } = this;
    session.on("inbox", () => this.showRail());
    session.on("workspace", () => this.showPeople());
    session.on("person", () => this.personChanged());
    session.on("place", () => this.placeChanged());
    session.on("thread", () => this.threadChanged());
    document.addEventListener("visibilitychange", () => this.follow());
    window.addEventListener("popstate", () => this.goBack());
    setInterval(() => {
      this.rail.showPerson();
      if (!document.hidden) this.people.lookAround();
    }, LOOK_AROUND_EVERY);
    this.personChanged();
  }

  personChanged() {
    this.modals.reset();
    this.showPeople();
    this.showRail();
    guarded(() => this.phone.open())();
    this.follow();
    this.refreshers.inbox();
    this.refreshers.views();
    this.people.lookAround();
  }

  placeChanged() {
    this.frame.classList.remove("with-rail");
    this.showRail();
    this.remember();
    guarded(() => this.conversation.open())();
  }

  threadChanged() {
    this.frame.classList.toggle("with-thread", Boolean(this.session.thread));
    this.remember();
    guarded(() => this.thread.open())();
    if (this.session.focusTs && !this.session.thread) this.refreshers.conversation();
  }

  showPeople() {
    this.people.show();
    this.rail.show();
  }

  showRail() {
    this.rail.show();
    const { session } = this;
    const unread = session.inbox.reduce((sum, entry) => sum + entry.unread, 0);
    document.title = `${unread ? `(${unread}) ` : ""}${session.team.name} – ${session.person.real_name || session.person.name}`;
  }

  /** Take in what the workspace tells. */
  hear({ type, channel, thread_ts: threadTs }) {
    const { session, refreshers } = this;
    const isHere = channel === session.place?.channel;
    if (type === "views" || type === "home") refreshers[type]();
    else if (type === "user") refreshers.workspace();
    else {
      if (isHere && type !== "inbox") refreshers.conversation();
      if (isHere && session.thread && (threadTs === session.thread || type !== "message"))
        refreshers.thread();
      refreshers.inbox();
    }
    this.people.lookAround();
  }

  /** Follow the news while the page is seen. */
  follow() {
    if (document.hidden) this.live.pause();
    else this.live.follow(this.session.person.id);
  }

  online(isOnline) {
    this.people.setOnline(isOnline);
    if (isOnline) this.refreshAll();
  }

  refreshAll() {
    const { refreshers } = this;
    for (const name of ["inbox", "conversation", "thread", "views", "home"]) refreshers[name]();
    guarded(() => this.phone.refresh())();
  }

  // ---- the address ----------------------------------------------------------------------------

  remember() {
    const { address } = this.session;
    if (address === location.pathname + location.search) return;
    const isArrival = !history.state;
    history[isArrival || this.isGoingBack ? "replaceState" : "pushState"]({ address }, "", address);
  }

  goBack() {
    const { session } = this;
    const wanted = wantedBy(new URL(location.href));
    this.isGoingBack = true;
    if (wanted.user && wanted.user !== session.person.id) session.become(wanted.user);
    if (session.inbox.length) session.goTo(wanted);
    else session.wanted = wanted;
    this.isGoingBack = false;
  }

  // ---- the phone ------------------------------------------------------------------------------

  phoneToggle() {
    this.toggle = h(
      "button.phone-toggle",
      {
        type: "button",
        onclick: () => this.showPhone(!this.root.classList.contains("with-phone")),
      },
      icon("phone", 18),
      "Phone",
    );
    return this.toggle;
  }

  showPhone(isShown) {
    this.root.classList.toggle("with-phone", isShown);
    this.phone.root.inert = !isShown;
    this.toggle.setAttribute("aria-pressed", String(isShown));
  }
}

/** Return `work` with refusals shown rather than lost. */
function guarded(work) {
  return async () => {
    try {
      return await work();
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      // While the workspace is away the bar at the top says so.
      if (problem.code !== "The workspace cannot be reached.") toast(problem.message);
      return undefined;
    }
  };
}

open().catch((problem) => {
  const again = h(
    "button.button.primary",
    { type: "button", onclick: () => location.reload() },
    "Try again",
  );
  document
    .getElementById("app")
    .replaceChildren(h("div.boot", { role: "alert" }, h("p", {}, problem.message), again));
});
