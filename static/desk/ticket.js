/* The ticket's page: the story filtered to what was said with the customer. */
(function () {
  "use strict";
  function filter(kind) {
    document.querySelectorAll("[data-story]").forEach(function (button) { button.setAttribute("aria-pressed", String(button.dataset.story === kind)); });
    var story = document.getElementById("story");
    if (story) { story.classList.toggle("is-only-theirs", kind === "theirs"); }
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-story]");
    if (button) { filter(button.dataset.story); }
  });
})();

/* The determination: rows are added as they are needed, the shares are summed while they are typed. Printing. */
(function () {
  "use strict";
  function add(section) {
    var total = section.querySelector("[name=" + section.dataset.rows + "-TOTAL_FORMS]") || document.querySelector("[name=" + section.dataset.rows + "-TOTAL_FORMS]");
    var index = parseInt(total.value, 10), fresh = section.querySelector("template").content.firstElementChild.cloneNode(true);
    fresh.innerHTML = fresh.innerHTML.split("__prefix__").join(String(index));
    total.value = String(index + 1);
    section.querySelector("[data-add-row]").before(fresh);
    var first = fresh.querySelector("select, input");
    if (first) { first.focus(); }
  }
  function sum() {
    var shown = document.querySelector("[data-sum]");
    if (!shown) { return; }
    var total = 0;
    document.querySelectorAll("[data-rows=who] [data-row]").forEach(function (row) {
      var share = row.querySelector("[name$=-share]"), out = row.querySelector("[name$=-DELETE]");
      if (share && !(out && out.checked)) { total += parseInt(share.value, 10) || 0; }
    });
    shown.textContent = String(total);
    shown.classList.toggle("said-ok", total === 100);
    shown.classList.toggle("said-late", total > 100);
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-add-row]");
    if (button) { add(button.closest("[data-rows]")); }
    if (event.target.closest("[data-print]")) { window.print(); }
  });
  document.addEventListener("input", sum);
  document.addEventListener("change", sum);
  document.addEventListener("desk:restored", sum);
  sum();
})();
