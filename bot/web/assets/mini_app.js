// Hands what Telegram says of who opened this page to the server, and takes it out of the address.
"use strict";

const form = document.querySelector("form[data-mini-app]");
const given = new URLSearchParams(location.hash.slice(1)).get("tgWebAppData");
history.replaceState(null, "", location.pathname);
if (given) {
  form.elements.init_data.value = given;
  form.submit();
} else {
  document.querySelector("[data-waiting]").hidden = true;
  document.querySelector("[data-elsewhere]").hidden = false;
}
