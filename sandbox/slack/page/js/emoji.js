/** Emoji by the names that chat messages use. */

const TABLE = `
+1 👍 -1 👎 thumbsup 👍 thumbsdown 👎 ok_hand 👌 clap 👏 wave 👋 raised_hands 🙌 pray 🙏 muscle 💪
handshake 🤝 point_up ☝️ point_up_2 👆 point_down 👇 point_left 👈 point_right 👉 raised_hand ✋
hand ✋ v ✌️ fist ✊ writing_hand ✍️ eyes 👀 brain 🧠
smile 😄 smiley 😃 grinning 😀 grin 😁 laughing 😆 joy 😂 rolling_on_the_floor_laughing 🤣 blush 😊
slightly_smiling_face 🙂 upside_down_face 🙃 wink 😉 heart_eyes 😍 sunglasses 😎 thinking_face 🤔
neutral_face 😐 expressionless 😑 confused 😕 worried 😟 disappointed 😞 cry 😢 sob 😭 scream 😱
angry 😠 rage 😡 sleeping 😴 sweat_smile 😅 sweat 😓 relieved 😌 hugging_face 🤗 zipper_mouth_face 🤐
partying_face 🥳 face_with_monocle 🧐 nerd_face 🤓 robot_face 🤖 skull 💀 ghost 👻 shrug 🤷 facepalm 🤦
heart ❤️ green_heart 💚 blue_heart 💙 yellow_heart 💛 broken_heart 💔 sparkles ✨ star ⭐ star2 🌟
fire 🔥 boom 💥 zap ⚡ tada 🎉 confetti_ball 🎊 balloon 🎈 gift 🎁 trophy 🏆 medal 🏅 crown 👑 gem 💎
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ negative_squared_cross_mark ❎
heavy_multiplication_x ✖️ no_entry ⛔ no_entry_sign 🚫 octagonal_sign 🛑 stop_sign 🛑 warning ⚠️
rotating_light 🚨 exclamation ❗ heavy_exclamation_mark ❗ question ❓ grey_question ❔
grey_exclamation ❕ bangbang ‼️ interrobang ⁉️ information_source ℹ️ 100 💯
red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵
large_purple_circle 🟣 white_circle ⚪ black_circle ⚫ large_red_square 🟥 large_green_square 🟩
large_yellow_square 🟨 large_orange_square 🟧 large_blue_square 🟦 white_large_square ⬜
black_large_square ⬛ small_red_triangle 🔺 small_red_triangle_down 🔻 large_blue_diamond 🔷
small_blue_diamond 🔹 large_orange_diamond 🔶 small_orange_diamond 🔸 black_small_square ▪️
arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ arrow_upper_right ↗️ arrow_lower_right ↘️
arrow_right_hook ↪️ leftwards_arrow_with_hook ↩️ arrows_counterclockwise 🔄 arrows_clockwise 🔃
repeat 🔁 fast_forward ⏩ rewind ⏪ arrow_forward ▶️ double_vertical_bar ⏸️ black_square_for_stop ⏹️
heavy_plus_sign ➕ heavy_minus_sign ➖ heavy_division_sign ➗ heavy_dollar_sign 💲
moneybag 💰 money_with_wings 💸 dollar 💵 euro 💶 pound 💷 yen 💴 credit_card 💳 receipt 🧾 coin 🪙
bank 🏦 atm 🏧 chart 💹 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊
currency_exchange 💱 abacus 🧮 scales ⚖️ balance_scale ⚖️ shopping_trolley 🛒 package 📦 label 🏷️
hourglass ⌛ hourglass_flowing_sand ⏳ watch ⌚ alarm_clock ⏰ stopwatch ⏱️ timer_clock ⏲️ clock1 🕐
clock3 🕒 clock6 🕕 clock9 🕘 clock12 🕛 mantelpiece_clock 🕰️ calendar 📆 date 📅 spiral_calendar_pad 🗓️
lock 🔒 unlock 🔓 lock_with_ink_pen 🔏 closed_lock_with_key 🔐 key 🔑 old_key 🗝️ shield 🛡️
identification_card 🪪 passport_control 🛂 mag 🔍 mag_right 🔎 link 🔗 paperclip 📎
pushpin 📌 round_pushpin 📍 scissors ✂️ triangular_ruler 📐 pencil ✏️ pencil2 ✏️ memo 📝 lower_left_fountain_pen 🖋️
clipboard 📋 page_facing_up 📄 page_with_curl 📃 bookmark_tabs 📑 file_folder 📁 open_file_folder 📂
card_index 📇 card_index_dividers 🗂️ card_file_box 🗃️ file_cabinet 🗄️ wastebasket 🗑️ books 📚 book 📖
notebook 📓 ledger 📒 newspaper 📰 scroll 📜 bookmark 🔖
email 📧 envelope ✉️ e-mail 📧 incoming_envelope 📨 envelope_with_arrow 📩 outbox_tray 📤 inbox_tray 📥
mailbox 📫 mailbox_with_mail 📬 postbox 📮 bell 🔔 no_bell 🔕 mega 📣 loudspeaker 📢 speech_balloon 💬
left_speech_bubble 🗨️ thought_balloon 💭 telephone_receiver 📞 phone ☎️ iphone 📱 calling 📲 computer 💻
desktop_computer 🖥️ printer 🖨️ keyboard ⌨️ floppy_disk 💾 cd 💿 battery 🔋 electric_plug 🔌 satellite 📡
gear ⚙️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ nut_and_bolt 🔩 bulb 💡 flashlight 🔦 test_tube 🧪
microscope 🔬 construction 🚧 traffic_light 🚥 vertical_traffic_light 🚦 checkered_flag 🏁
triangular_flag_on_post 🚩 waving_white_flag 🏳️ white_flag 🏳️ snowflake ❄️ sunny ☀️ partly_sunny ⛅ cloud ☁️ umbrella ☔
rainbow 🌈 ocean 🌊 seedling 🌱 evergreen_tree 🌲 four_leaf_clover 🍀 earth_africa 🌍 earth_americas 🌎 earth_asia 🌏
globe_with_meridians 🌐 rocket 🚀 airplane ✈️ ship 🚢 truck 🚚 car 🚗 bike 🚲 train 🚆 house 🏠 office 🏢
factory 🏭 department_store 🏬 hospital 🏥 school 🏫 classical_building 🏛️
bust_in_silhouette 👤 busts_in_silhouette 👥 man-woman-girl-boy 👨‍👩‍👧‍👦 technologist 🧑‍💻 office_worker 🧑‍💼
cop 👮 detective 🕵️ construction_worker 👷 coffee ☕ tea 🍵 pizza 🍕 cake 🍰 birthday 🎂 beers 🍻 beer 🍺
apple 🍎 banana 🍌 dog 🐶 cat 🐱 bug 🐛 turtle 🐢 snail 🐌 unicorn_face 🦄 owl 🦉
one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ zero 0️⃣ keycap_ten 🔟 hash #️⃣
a 🅰️ b 🅱️ ok 🆗 new 🆕 free 🆓 up 🆙 cool 🆒 sos 🆘 id 🆔 vs 🆚 soon 🔜 back 🔙 top 🔝 end 🔚 on 🔛 recycle ♻️
copyright ©️ registered ®️ tm ™️ white_medium_square ◻️ radio_button 🔘 eight_pointed_black_star ✴️ eight_spoked_asterisk ✳️ sparkle ❇️ beginner 🔰
cn 🇨🇳 de 🇩🇪 us 🇺🇸 gb 🇬🇧 uk 🇬🇧 fr 🇫🇷 it 🇮🇹 es 🇪🇸 jp 🇯🇵 kr 🇰🇷 flag-eu 🇪🇺 flag-cn 🇨🇳 flag-de 🇩🇪
flag-us 🇺🇸 flag-gb 🇬🇧 flag-fr 🇫🇷 flag-ch 🇨🇭 flag-nl 🇳🇱 flag-hk 🇭🇰 flag-sg 🇸🇬 flag-jp 🇯🇵 flag-in 🇮🇳
slot_machine 🎰 dart 🎯 game_die 🎲 jigsaw 🧩 performing_arts 🎭 art 🎨 musical_note 🎵 camera 📷 movie_camera 🎥
`;

const words = TABLE.trim().split(/\s+/);
const BY_NAME = new Map();
for (let at = 0; at < words.length; at += 2) BY_NAME.set(words[at], words[at + 1]);

const TONES = { 2: "\u{1F3FB}", 3: "\u{1F3FC}", 4: "\u{1F3FD}", 5: "\u{1F3FE}", 6: "\u{1F3FF}" };
const HANDS =
  /^[\u261D\u270A-\u270D\u{1F44A}-\u{1F450}\u{1F446}-\u{1F449}\u{1F64C}\u{1F64F}\u{1F4AA}]/u;

/** Return text with `:name:` replaced where the name is known. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+'-]+):(?::skin-tone-([2-6]):)?/g, (whole, name, tone) => {
    const found = BY_NAME.get(name);
    if (found === undefined) return whole;
    return tone && HANDS.test(found) ? found.replace("\uFE0F", "") + TONES[tone] : found;
  });
}

/** Return an emoji by its name, or its name between colons. */
export function emoji(name) {
  return BY_NAME.get(name) ?? `:${name}:`;
}

/** Whether a text is nothing but a few emoji, which are then shown large. */
export function isOnlyEmoji(text) {
  const bare = withEmoji(text).replace(/[\s\uFE0F\u200D]/g, "");
  return (
    bare.length > 0 &&
    bare.length <= 12 &&
    /^[\p{Extended_Pictographic}\p{Emoji_Modifier}]+$/u.test(bare)
  );
}
