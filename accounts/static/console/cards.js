/* Lists on a phone: each row is a card, and each value has its column's name (console.css, “cards”). */
document.addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("result_list");
  if (!list || !list.tHead) return;
  const names = [...list.tHead.rows[0].cells].map((cell) => cell.innerText.trim() || cell.textContent.trim());
  for (const row of list.tBodies[0].rows) {
    [...row.cells].forEach((cell, number) => {
      if (!cell.classList.contains("action-checkbox")) cell.dataset.label = names[number] || "";
    });
  }
  list.classList.add("cards");
});
