/** Which field of a state carries an element's value. Source: Slack's reference of view states. */

const FIELDS = {
  plain_text_input: "value",
  number_input: "value",
  email_text_input: "value",
  url_text_input: "value",
  rich_text_input: "rich_text_value",
  file_input: "files",
  static_select: "selected_option",
  external_select: "selected_option",
  users_select: "selected_user",
  conversations_select: "selected_conversation",
  channels_select: "selected_channel",
  multi_static_select: "selected_options",
  multi_external_select: "selected_options",
  multi_users_select: "selected_users",
  multi_conversations_select: "selected_conversations",
  multi_channels_select: "selected_channels",
  datepicker: "selected_date",
  timepicker: "selected_time",
  datetimepicker: "selected_date_time",
  checkboxes: "selected_options",
  radio_buttons: "selected_option",
  overflow: "selected_option",
};

/** Return the name of the field that carries the value of a type of element. */
export function fieldOf(type) {
  return FIELDS[type];
}

/** Return the state of an element with a value. */
export function entryOf(element, value) {
  return { type: element.type, [fieldOf(element.type)]: value };
}

/** Return the state of an element that nobody has touched. */
export function initialEntry(element) {
  const field = fieldOf(element.type);
  const name = field.replace(/^selected_|^rich_text_/, "");
  const value = element[`initial_${name}`];
  return { type: element.type, [field]: value ?? (field.endsWith("s") ? [] : null) };
}

/** Return the value in a state. */
export function valueIn(entry) {
  return entry?.[fieldOf(entry.type)] ?? null;
}
