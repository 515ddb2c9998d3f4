/** Lists and cards that float beside what opened them. */

import { h } from "./dom.js";

let current = null;

/**
 * Show `content` beside `anchor` until something else is clicked, Escape is pressed or the result
 * is called. One floats at a time.
 *
 * @param {Element} anchor What it belongs to.
 * @param {Element} content What to show.
 * @param {{onclose?: Function, isWide?: boolean, side?: "start"|"end", prefersAbove?: boolean}} options
 *   `isWide` makes it at least as wide as the anchor.
 */
export function popover(
  anchor,
  content,
  { onclose, isWide = false, side = "start", prefersAbove = false } = {},
) {
  current?.();
  const box = h("div.popover", {}, content);
  document.body.append(box);
  const place = () => position(box, anchor, { isWide, side, prefersAbove });
  const close = () => {
    if (current !== close) return;
    current = null;
    box.remove();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    window.removeEventListener("resize", close);
    document.removeEventListener("scroll", moved, true);
    watcher.disconnect();
    onclose?.();
  };
  const outside = (event) => {
    if (!box.contains(event.target) && !anchor.contains(event.target)) close();
  };
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  const moved = (event) => {
    if (!box.contains(event.target)) place();
  };
  const watcher = new ResizeObserver(() => (anchor.isConnected ? place() : close()));
  current = close;
  place();
  watcher.observe(box);
  watcher.observe(anchor);
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  window.addEventListener("resize", close);
  document.addEventListener("scroll", moved, true);
  return close;
}

/** Whether something floats. */
export function isFloating() {
  return current !== null;
}

function position(box, anchor, { isWide, side, prefersAbove }) {
  const from = anchor.getBoundingClientRect();
  const gap = 6;
  if (isWide) box.style.minWidth = `${from.width}px`;
  box.style.maxHeight = "";
  const size = box.getBoundingClientRect();
  const below = innerHeight - from.bottom - gap - 8;
  const above = from.top - gap - 8;
  const isAbove = prefersAbove
    ? above > size.height || above > below
    : size.height > below && above > below;
  box.style.maxHeight = `${Math.max(120, isAbove ? above : below)}px`;
  const height = Math.min(size.height, isAbove ? above : below);
  const left = side === "end" ? from.right - size.width : from.left;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
  box.style.top = `${isAbove ? from.top - gap - height : from.bottom + gap}px`;
}

/**
 * Move through the options of a list with the arrow keys.
 *
 * @param {KeyboardEvent} event
 * @param {Element[]} items What can be chosen.
 * @param {number} index Which is active now, -1 for none.
 * @returns {number} Which is active then; the same if the key is not one of ours.
 */
export function moved(event, items, index) {
  const last = items.length - 1;
  const steps = {
    ArrowDown: index >= last ? 0 : index + 1,
    ArrowUp: index <= 0 ? last : index - 1,
    Home: 0,
    End: last,
  };
  if (!(event.key in steps) || last < 0) return index;
  event.preventDefault();
  return steps[event.key];
}
