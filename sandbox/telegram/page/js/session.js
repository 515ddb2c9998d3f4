/** Who looks at what: the one place that knows the person, the chats and which one is open. */

/** Milliseconds for which a typing notice holds, as Telegram documents for sendChatAction. */
const TYPING_FOR = 5_000;

/**
 * Events: "person" and "chat" when those change; "chats" with fresh unread counts; "directory" when
 * people or groups changed; "typing" when somebody begins or stops; "keypad" when one came or went;
 * "sent" when the person did something that the open chat will show.
 */
export class Session extends EventTarget {
  constructor(directory) {
    super();
    /** The person's chats, newest first. */
    this.chats = [];
    /** The id of the open chat, if any, and its name. */
    this.chat = null;
    this.title = null;
    this.typing = new Map();
    this.drafts = new Map();
    /** The keyboard of digits in the open chat, if there is one. */
    this.keypad = null;
    this.learn(directory);
    this.person = this.people[0];
  }

  /** Take over a directory; `edition` tells whether it differs from the one before. */
  learn(directory) {
    const told = JSON.stringify(directory);
    if (told === this.told) return;
    this.told = told;
    this.edition = (this.edition ?? 0) + 1;
    const { bot, users, groups } = directory;
    this.bot = { ...bot, id: String(bot.id) };
    // Whoever is known already stays the same object: others hold on to it.
    const known = new Map(this.people?.map((person) => [person.id, person]));
    this.people = users
      .map((user) => ({ ...user, id: String(user.id) }))
      .map((user) => Object.assign(known.get(user.id) ?? {}, user));
    this.groups = new Map(
      groups.map((group) => [
        String(group.id),
        { ...group, id: String(group.id), members: group.members.map(String) },
      ]),
    );
    if (this.person) this.person = this.user(this.person.id) ?? this.people[0];
  }

  /** Return somebody of the directory; not the bot. */
  user(id) {
    return this.people.find((person) => person.id === String(id));
  }

  /** Return the list's entry of a chat, the open one by default. */
  entry(id = this.chat) {
    return this.chats.find((entry) => entry.id === id);
  }

  /** Whether the open chat is the one with the bot alone. */
  get isPrivate() {
    return this.entry()?.kind === "private";
  }

  /** Act as somebody else; they land where they were looking, if they may, else at the top. */
  become(userId) {
    const person = this.user(userId);
    if (!person || person === this.person) return;
    this.wanted = this.isPrivate ? person.id : this.chat;
    this.person = person;
    this.chats = [];
    this.chat = null;
    this.title = null;
    this.typing.clear();
    this.tell("person");
  }

  /** Take over fresh unread counts; choose a chat if none is open yet. */
  received(chats) {
    this.chats = chats
      .map((entry) => ({ ...entry, id: String(entry.id) }))
      // What the person is looking at is not unread, even if the server was not told yet.
      .map((entry) => (this.isReading(entry.id) ? { ...entry, unread: 0 } : entry))
      .sort((one, other) => (other.latest ?? 0) - (one.latest ?? 0));
    this.tell("chats");
    if (this.entry()) return;
    const found = this.entry(this.wanted) ?? this.namesake() ?? this.entry(this.person.id);
    if (found) this.goTo(found.id);
  }

  /** Return what the open chat became: a group that was upgraded has another id. */
  namesake() {
    return this.chats.find((entry) => entry.kind === "group" && entry.title === this.title);
  }

  /** Note that the open chat is being read. */
  seen() {
    const entry = this.entry();
    if (!entry?.unread || !this.isReading(entry.id)) return;
    entry.unread = 0;
    this.tell("chats");
  }

  isReading(id) {
    return id === this.chat && !this.isAtList && !document.hidden;
  }

  /** Open a chat. */
  goTo(id) {
    const chat = String(id);
    this.wanted = chat;
    if (!this.entry(chat) || chat === this.chat) return;
    this.chat = chat;
    this.title = this.entry().title;
    this.tell("chat");
  }

  /** Note that somebody types in a chat, or no more. */
  setTyping(chat, isTyping) {
    clearTimeout(this.typing.get(chat));
    if (!isTyping && !this.typing.delete(chat)) return;
    if (isTyping)
      this.typing.set(
        chat,
        setTimeout(() => this.setTyping(chat, false), TYPING_FOR),
      );
    this.tell("typing");
  }

  /** Note which keyboard of digits is on show, or null. */
  setKeypad(keypad) {
    if (keypad === this.keypad) return;
    this.keypad = keypad;
    this.tell("keypad");
  }

  /** Return or replace what was begun to be written in a chat. */
  draft(chat, text) {
    const key = `${this.person.id} ${chat}`;
    if (text === undefined) return this.drafts.get(key) ?? "";
    if (text) this.drafts.set(key, text);
    else this.drafts.delete(key);
    return text;
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
    if (this.chat) query.set("chat", this.chat);
    return `${location.pathname}?${query}`;
  }
}

/** Return what an address asks to see. */
export function wantedBy(url) {
  return { user: url.searchParams.get("user"), chat: url.searchParams.get("chat") };
}
