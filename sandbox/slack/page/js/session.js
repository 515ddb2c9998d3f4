/** Who looks at what: the one place that knows the person, the place and the thread. */

/**
 * Events: "person", "place" and "thread" when those change; "inbox" with fresh unread counts;
 * "workspace" when the directory changed.
 */
export class Session extends EventTarget {
  constructor(workspace) {
    super();
    this.inbox = [];
    this.place = null;
    this.thread = null;
    this.focusTs = null;
    this.learn(workspace);
    this.person = this.people[0];
  }

  /** Take over a directory. */
  learn(workspace) {
    this.edition = (this.edition ?? 0) + 1;
    this.team = workspace.team;
    this.app = workspace.app;
    this.users = new Map(workspace.users.map((user) => [user.id, user]));
    this.channels = new Map(workspace.channels.map((channel) => [channel.id, channel]));
    this.people = workspace.users.filter((user) => !user.is_bot);
    if (this.person) this.person = this.users.get(this.person.id) ?? this.people[0];
  }

  user(id) {
    return this.users.get(id);
  }

  channel(id) {
    return this.channels.get(id);
  }

  /** Return the inbox's entry of a conversation. */
  entry(id) {
    return this.inbox.find((entry) => entry.id === id);
  }

  get isHome() {
    return this.entry(this.place?.channel)?.kind === "im" && this.place.tab !== "messages";
  }

  /** Act as somebody else; they land where they were looking, if they may, else at the top. */
  become(userId) {
    const person = this.users.get(userId);
    if (!person || person.is_bot || person.id === this.person.id) return;
    const wasApp = this.entry(this.place?.channel)?.kind === "im";
    this.person = person;
    this.thread = null;
    this.focusTs = null;
    this.wanted = wasApp ? { kind: "im", tab: this.place.tab } : { channel: this.place?.channel };
    this.inbox = [];
    this.place = null;
    this.tell("person");
  }

  /** Take over fresh unread counts; choose a place if there is none yet. */
  received(inbox) {
    const isReading = (entry) =>
      entry.id === this.place?.channel && !this.isHome && !document.hidden;
    // What the person is looking at is not unread, even if the server was not told yet.
    this.inbox = inbox.map((entry) => (isReading(entry) ? { ...entry, unread: 0 } : entry));
    this.tell("inbox");
    if (this.place && this.entry(this.place.channel)) return;
    const { channel, kind, ...rest } = this.wanted ?? {};
    const entry =
      inbox.find((each) => each.id === channel) ??
      inbox.find((each) => each.kind === kind) ??
      inbox[0];
    if (entry) this.goTo({ ...(entry.id === channel || kind ? rest : {}), channel: entry.id });
  }

  /** Open a conversation; the app's may show its Home with `tab: "home"`. */
  goTo({ channel, tab, thread = null, focusTs = null }) {
    const entry = this.entry(channel);
    if (!entry) return;
    const shownTab = entry.kind === "im" ? (tab ?? "messages") : undefined;
    const isSame = this.place?.channel === channel && this.place.tab === shownTab;
    const isOtherThread = this.thread !== thread;
    if (!isSame) this.place = { channel, tab: shownTab };
    this.thread = thread;
    this.focusTs = focusTs;
    this.wanted = null;
    if (!isSame) this.tell("place");
    if (!isSame || isOtherThread || focusTs) this.tell("thread");
  }

  /** Open a thread of the place, or close it with null. */
  openThread(ts) {
    if (this.thread === ts) return;
    this.thread = ts;
    this.tell("thread");
  }

  /** Go where a link into this workspace leads: /archives/C…/p1700000000000001?thread_ts=…. */
  follow(url) {
    const found = wantedBy(new URL(url, location.href));
    if (this.entry(found.channel)) this.goTo(found);
  }

  tell(type) {
    this.dispatchEvent(new Event(type));
  }

  on(type, listener) {
    this.addEventListener(type, () => listener());
  }

  /** Return the address of what is seen. */
  get address() {
    const query = new URLSearchParams({ user: this.person.id });
    if (this.place) query.set("channel", this.place.channel);
    if (this.place?.tab) query.set("tab", this.place.tab);
    if (this.thread) query.set("thread", this.thread);
    return `/?${query}`;
  }
}

/** Return what an address asks to see. */
export function wantedBy(url) {
  const query = url.searchParams;
  const archive = /^\/archives\/([^/]+)(?:\/p(\d+)(\d{6}))?/.exec(url.pathname);
  const focusTs = archive?.[2] ? `${archive[2]}.${archive[3]}` : null;
  return {
    user: query.get("user"),
    channel: archive?.[1] ?? query.get("channel"),
    tab: query.get("tab") ?? undefined,
    thread: query.get("thread") ?? query.get("thread_ts"),
    focusTs,
  };
}
