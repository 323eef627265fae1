/* Tables on a phone: each row is a card, and each value has its column's name (console.css, “cards”). Where one is wider
   than its box on another screen, the keyboard scrolls that box. */
const breakable = (list) => {
  // Addresses break behind their @, types and names of settings behind a sign, rather than amid a word.
  const texts = document.createTreeWalker(list, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) if (/[@_./]\p{L}/u.test(texts.currentNode.data)) found.push(texts.currentNode);
  for (const text of found) {
    const parts = text.data.split(text.data.includes("@") ? /(?<=@)/ : /(?<=[_./])(?=\p{L})/u);
    text.replaceWith(...parts.flatMap((part, number) => (number ? [document.createElement("wbr"), part] : [part])));
  }
};
document.addEventListener("DOMContentLoaded", () => {
  const tables = document.querySelectorAll("#result_list, .inline-group .tabular table, #content-main > .results > table");
  for (const table of tables) {
    if (!table.tHead) continue;
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.innerText.trim() || cell.textContent.trim());
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, number) => {
        if (!cell.classList.contains("action-checkbox")) cell.dataset.label = names[number] || "";
      });
    }
    table.classList.add("cards");
    if (table.id === "result_list") breakable(table.tBodies[0]);
    const box = table.closest(".inline-group");
    if (box && box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});
