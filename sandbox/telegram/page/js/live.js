/** News as they happen. */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;

/** A stream of one person's news that opens itself again when it breaks. */
export class Live {
  /**
   * @param {{onnews: Function, ononline: Function}} listeners `ononline(true)` each time news begin
   *   to come: what happened before is not told.
   */
  constructor({ onnews, ononline }) {
    this.onnews = onnews;
    this.ononline = ononline;
    this.wait = FIRST_WAIT;
  }

  /** Follow a person's news, from now on only theirs. */
  follow(userId) {
    this.pause();
    this.userId = userId;
    this.connect();
  }

  /** Hear nothing until `follow`: a browser keeps only a few streams open for all its tabs. */
  pause() {
    this.source?.close();
    clearTimeout(this.timer);
  }

  connect() {
    const source = new EventSource(`/people/events?${new URLSearchParams({ user: this.userId })}`);
    this.source = source;
    source.onopen = () => {
      this.wait = FIRST_WAIT;
      this.ononline(true);
    };
    source.onmessage = (event) => this.onnews(JSON.parse(event.data));
    source.onerror = () => {
      // The browser gives up for good on some errors, so this page does the retrying.
      source.close();
      this.ononline(false);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
    };
  }
}

/** Return a function that does `work`, never twice at once, and once more if asked meanwhile. */
export function coalesced(work) {
  let running = null;
  let isWanted = false;
  return async function run() {
    if (running) {
      isWanted = true;
      return running;
    }
    running = (async () => {
      do {
        isWanted = false;
        await work();
      } while (isWanted);
    })();
    try {
      await running;
    } finally {
      running = null;
    }
    return undefined;
  };
}
