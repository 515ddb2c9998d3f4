/** Photos and documents of messages. */

import { showPicture } from "./dialogs.js";
import { dateAndTime } from "./dates.js";
import { h, icon } from "./dom.js";

const WIDEST = 440;
const TALLEST = 460;

/** Return a photo that can be opened; its place is kept while it loads. */
export function photo(message, { when, name }) {
  const { url, width, height } = message.photo;
  const label = message.text ? `Photo: ${message.text.slice(0, 80)}` : "Photo";
  const image = h("img", { src: url, alt: label, decoding: "async", draggable: "false" });
  if (width && height) {
    const scale = Math.min(1, WIDEST / width, TALLEST / height);
    image.width = Math.max(120, Math.round(width * scale));
    image.height = Math.round(image.width * (height / width));
    image.style.aspectRatio = `${width} / ${height}`;
  }
  const open = () =>
    showPicture(url, { name: `photo_${message.id}.png`, sender: name, when: dateAndTime(when) });
  return h(
    "figure.photo",
    {},
    h("button", { type: "button", "aria-label": `Open ${label}`, onclick: open }, image),
  );
}

/** Return a document that can be downloaded. */
export function documentCard({ url, name, size }) {
  const kind = (/\.([^.]+)$/.exec(name)?.[1] ?? "").toLowerCase().slice(0, 4);
  return h(
    "a.document",
    { href: url, download: name, "aria-label": `Download ${name}, ${sizeOf(size)}` },
    h(
      "span.document-sign",
      { "data-kind": kind, "aria-hidden": "true" },
      h("span", {}, kind || "file"),
      icon("download", 24),
    ),
    h("span.document-names", {}, h("strong", {}, name), h("span", {}, sizeOf(size))),
  );
}

/** Return how large a file is, in words. */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const [unit, size] = bytes < 1024 ** 2 ? ["KB", bytes / 1024] : ["MB", bytes / 1024 ** 2];
  return `${size.toFixed(1)} ${unit}`;
}
