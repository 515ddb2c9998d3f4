/** A message or a view as something to act on. */

import { act as post, Failure, send, sentence } from "./api.js";
import { entryOf, fieldOf, initialEntry, valueIn } from "./fields.js";
import { toast } from "./toast.js";

/** What interactive elements need to know of the message or view they are in. */
export class Surface {
  /**
   * @param {Session} session Who acts.
   * @param {Object} container `{type: "message", channel, ts}`, `{type: "view", view_id}` or
   *   `{type: "home"}`, as the people API wants it.
   * @param {Object} state What is filled in already: block id → action id → entry.
   */
  constructor(session, container, state = {}) {
    this.session = session;
    this.container = container;
    this.state = structuredClone(state);
    /** What the person changed here, which an update of the view does not undo. */
    this.touched = new Set();
    /** The input blocks that are shown, by block id. */
    this.inputs = new Map();
    /** Files on their way to the workspace. */
    this.sending = new Set();
  }

  value(block, element) {
    const entry = this.state[block.block_id]?.[element.action_id];
    return valueIn(entry?.type === element.type ? entry : initialEntry(element));
  }

  change(block, element, value) {
    this.state[block.block_id] ??= {};
    this.state[block.block_id][element.action_id] = entryOf(element, value);
    this.touched.add(JSON.stringify([block.block_id, element.action_id]));
  }

  /** Keep what the person filled in before, where the same input is still there. */
  keepFrom(before) {
    for (const key of before.touched) {
      const [blockId, actionId] = JSON.parse(key);
      const old = before.state[blockId]?.[actionId];
      const now = this.state[blockId]?.[actionId];
      if (!old || old.type !== now?.type) continue;
      this.state[blockId][actionId] = old;
      this.touched.add(key);
    }
  }

  /** Tell the app that a person acted on an element; true if it took it. */
  async act(block, element, value) {
    const action = { type: element.type, block_id: block.block_id, action_id: element.action_id };
    if (element.type === "button") {
      if (element.value !== undefined) action.value = element.value;
    } else {
      action[fieldOf(element.type)] = value;
    }
    const body = {
      user: this.session.person.id,
      container: this.container,
      action,
      state: this.state,
    };
    try {
      const answer = await post("click", body);
      // Opening a link tells the app too, but whether it cares is its own affair.
      if (!answer.ok && !element.url) toast(sentence(answer.error));
      return answer.ok;
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      if (!element.url) toast(problem.message);
      return false;
    }
  }

  /** Ask the app for options; returns `{options}` or `{option_groups}`. */
  suggest(block, element, value) {
    const { container } = this;
    const where =
      container.type === "message"
        ? { channel: container.channel, ts: container.ts }
        : { view_id: container.view_id };
    return post("options", {
      user: this.session.person.id,
      ...where,
      block_id: block.block_id,
      action_id: element.action_id,
      value,
    });
  }

  /** Send a file for a file input of a modal; returns it as the input's state has it. */
  async give(block, file) {
    const sending = send(
      "give",
      {
        user: this.session.person.id,
        view_id: this.container.view_id,
        block_id: block.block_id,
        name: file.name,
      },
      file,
    );
    this.sending.add(sending);
    try {
      return (await sending).file;
    } finally {
      this.sending.delete(sending);
    }
  }

  /** Return the address of a file by its id. */
  fileUrl(id) {
    return `/people/file?${new URLSearchParams({ user: this.session.person.id, id })}`;
  }
}
