/**
 * Builds elements. Text is only ever put in as text, so nothing from a message becomes markup.
 */

const PROPERTIES = new Set([
  "checked",
  "disabled",
  "hidden",
  "inert",
  "indeterminate",
  "open",
  "readOnly",
  "required",
  "selected",
  "tabIndex",
  "textContent",
  "value",
]);

/**
 * Return an element.
 *
 * @param {string} tag A tag name with classes, e.g. "button.primary.large".
 * @param {Object} [given] Attributes; names that start with "on" are listeners; false, null and
 *   undefined are left out.
 * @param {...(Node|string|null|false|Array)} children
 */
export function h(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(given ?? {})) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (PROPERTIES.has(key)) element[key] = value;
    else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else if (key === "data") Object.assign(element.dataset, value);
    else if (value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(parent, child);
    else if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Return a fragment of children. */
export function fragment(...children) {
  const made = document.createDocumentFragment();
  add(made, children);
  return made;
}

/** Return an http, https, mailto or tel address, or null for anything else. */
export function safeUrl(text) {
  try {
    const url = new URL(String(text), location.href);
    return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

let lastId = 0;

/** Return an id that no other element has. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

const ICONS = {
  hash: ["M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h15M4 15h15"],
  app: [
    "M8.5 12.5l2.5 2.5 5-5.5M6 4h12a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z",
  ],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  close: ["M6 6l12 12M18 6L6 18"],
  back: ["M14.5 5.5L8 12l6.5 6.5"],
  chevron: ["M7 10l5 5 5-5"],
  more: ["M12 6h.01M12 12h.01M12 18h.01"],
  send: ["M5 12h13M12 5.5l6.5 6.5-6.5 6.5"],
  thread: [
    "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 4v-4H5a1.5 1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5z",
  ],
  eye: [
    "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z",
    "M12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
  ],
  copy: ["M9 9h9.5v10.5H9z", "M15 9V4.5H5.5V15H9"],
  type: ["M5 7V5h14v2M12 5v14M9 19h6"],
  phone: ["M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM11 18h2"],
  shield: ["M12 3.5l7 2.5v5.5c0 4.3-2.9 7.7-7 9-4.1-1.3-7-4.7-7-9V6z", "M9 12l2.2 2.2L15.2 10"],
  upload: ["M12 16V5M7.5 9L12 4.5 16.5 9M5 19.5h14"],
  download: ["M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 19.5h14"],
  file: [
    "M7 3.5h7l4.5 4.5v12a.5.5 0 0 1-.5.5H7a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z",
    "M14 3.5V8h4.5",
  ],
  search: ["M10.5 5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM15 15l4.5 4.5"],
  calendar: ["M5 6.5h14v13H5zM5 10.5h14M9 4v4M15 4v4"],
  info: ["M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 11v5M12 8h.01"],
  warning: ["M12 4.5l8.5 15h-17zM12 10v4.5M12 17h.01"],
  down: ["M12 5v13M6.5 12.5L12 18l5.5-5.5"],
  menu: ["M4.5 7h15M4.5 12h15M4.5 17h15"],
  reload: ["M19 12a7 7 0 1 1-2.2-5.1M19 4.5v4h-4"],
};

/** Return a line icon; it says nothing to screen readers. */
export function icon(name, size = 20) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const attributes = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    class: "icon",
    "aria-hidden": "true",
    focusable: "false",
  };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  for (const line of ICONS[name]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
