/** The page that shows this one in a frame, if there is one: it may switch the person. */

const ACT_AS = "act-as";
const ACTING_AS = "acting-as";

/**
 * Listens to a parent frame on the same host, which says `{type: "act-as", user}`; it is told
 * `{type: "acting-as", user}` whenever the person changes.
 */
export class OuterFrame {
  constructor() {
    this.isFramed = window.parent !== window;
    /** Whether there is a parent that may say who acts. */
    this.isDriving = this.isFramed && this.origin !== null;
    /** Whom the parent asked for before anybody listened. */
    this.wanted = null;
    this.onactas = (user) => (this.wanted = user);
    window.addEventListener("message", (event) => this.hear(event));
  }

  hear(event) {
    if (!this.isFramed || event.source !== window.parent || !isSameHost(event.origin)) return;
    if (event.data?.type !== ACT_AS || event.data.user === undefined) return;
    this.onactas(String(event.data.user));
  }

  /** Tell the parent who acts; it gets nothing if it is of another host. */
  tell(user) {
    if (this.isDriving) window.parent.postMessage({ type: ACTING_AS, user }, this.origin);
  }

  get origin() {
    const origin = location.ancestorOrigins?.[0] ?? originOf(document.referrer);
    return isSameHost(origin) ? origin : null;
  }
}

function isSameHost(origin) {
  try {
    return new URL(origin).hostname === location.hostname;
  } catch {
    return false;
  }
}

function originOf(address) {
  try {
    return new URL(address).origin;
  } catch {
    return "";
  }
}
