/**
 * Builds elements. Text is only ever put in as text, so nothing from a message becomes markup.
 */

const PROPERTIES = new Set([
  "checked",
  "disabled",
  "hidden",
  "inert",
  "readOnly",
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

/** Put `nodes` into `parent`, leaving alone what is where it belongs. */
export function arrange(parent, nodes) {
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

let lastId = 0;

/** Return an id that no other element has. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

const ICONS = {
  arrow: ["M8.5 15.5l7-7M9.5 8.5h6v6"],
  attach: [
    "M18.6 11.2l-6.9 6.9a4.2 4.2 0 0 1-6-6l7.5-7.4a2.9 2.9 0 0 1 4.1 4.1l-7.2 7.2a1.5 1.5 0 0 1-2.2-2.2l6.2-6.1",
  ],
  back: ["M14.5 5.5L8 12l6.5 6.5"],
  block: ["M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM6.5 6.5l11 11"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  checks: ["M2.5 12.8l4 4L15 8M11.2 16.4l.6.5L21 8"],
  chevron: ["M7 10l5 5 5-5"],
  close: ["M6 6l12 12M18 6L6 18"],
  copy: ["M9 9h9.5v10.5H9z", "M15 9V4.5H5.5V15H9"],
  down: ["M12 5v13M6.5 12.5L12 18l5.5-5.5"],
  download: ["M12 4.5v11M7.5 11l4.5 4.5 4.5-4.5M5.5 19.5h13"],
  edit: ["M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM14 7l3 3"],
  file: [
    "M7 3.5h7l4.5 4.5v12a.5.5 0 0 1-.5.5H7a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z",
    "M14 3.5V8h4.5",
  ],
  forward: ["M13.5 6l6 5.5-6 5.5v-3.5C9 13.5 6.5 15 4.5 18c.5-5 3.5-8.3 9-8.8z"],
  lock: ["M6.5 11h11v8.5h-11zM9 11V8a3 3 0 0 1 6 0v3"],
  menu: ["M4.5 7h15M4.5 12h15M4.5 17h15"],
  more: ["M12 5.5h.01M12 12h.01M12 18.5h.01"],
  people: [
    "M9 5a3.2 3.2 0 1 1 0 6.4A3.2 3.2 0 0 1 9 5zM3 19c0-3.3 2.6-5.2 6-5.2s6 1.9 6 5.2",
    "M15.5 5.4a3 3 0 0 1 0 5.7M17.5 14.2c2.2.7 3.5 2.4 3.5 4.8",
  ],
  phone: ["M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM11 18h2"],
  reply: ["M10.5 6l-6 5.5 6 5.5v-3.5c4.5 0 7 1.5 9 4.5-.5-5-3.5-8.3-9-8.8z"],
  search: ["M10.5 5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM15 15l4.5 4.5"],
  send: ["M4 4.6v5.7L14 12 4 13.7v5.7L21 12z"],
  shield: [
    "M12 3.5l7 2.5v5.5c0 4.3-2.9 7.7-7 9-4.1-1.3-7-4.7-7-9V6z",
    "M9 12l2.2 2.2L15.2 10",
  ],
  slash: ["M4.5 4.5h15v15h-15zM14 8.5l-4 7"],
  type: ["M7 7h.01M12 7h.01M17 7h.01M7 12h.01M12 12h.01M17 12h.01M12 17h.01"],
  warning: ["M12 4.5l8.5 15h-17zM12 10v4.5M12 17h.01"],
  window: ["M4.5 6h15v12h-15zM4.5 9.5h15"],
};

/** Return a line icon; it says nothing to screen readers. */
export function icon(name, size = 20) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const attributes = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    class: `icon icon-${name}`,
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

/** Return a button that is only an icon. */
export function iconButton(name, label, onclick, { size = 22, ...given } = {}) {
  return h(
    "button.icon-button",
    { type: "button", "aria-label": label, title: label, onclick, ...given },
    icon(name, size),
  );
}
