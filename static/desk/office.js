/* The back office's sidebar: filter while typing, theme, closing menus, sentences before grave buttons. */
(function () {
  "use strict";
  var filter = document.getElementById("nav-filter");
  if (filter) {
    filter.addEventListener("input", function () {
      var wanted = filter.value.trim().toLowerCase();
      document.querySelectorAll(".office-rail section").forEach(function (group) {
        var shown = 0;
        group.querySelectorAll("li").forEach(function (entry) {
          entry.hidden = wanted !== "" && entry.textContent.toLowerCase().indexOf(wanted) < 0;
          shown += entry.hidden ? 0 : 1;
        });
        group.hidden = wanted !== "" && !shown;
      });
    });
    filter.addEventListener("keydown", function (event) {
      var first = event.key === "Enter" && document.querySelector(".office-rail section:not([hidden]) li:not([hidden]) a");
      if (first) { event.preventDefault(); first.click(); }
    });
  }
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && filter && !event.target.matches("input, textarea, select")) { event.preventDefault(); filter.focus(); }
    if (event.key === "Escape") { document.querySelectorAll("details.menu-of[open]").forEach(function (menu) { menu.open = false; }); }
  });
  /* The bar that says that the machinery is behind comes and goes by itself. */
  var bar = document.getElementById("behind"), asked = bar && bar.closest("[data-changes-url]");
  function askBehind() {
    if (document.hidden) { return; }
    fetch(asked.dataset.changesUrl + "?since=" + encodeURIComponent(asked.dataset.since), { headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "error" })
      .then(function (answer) { return answer.status === 200 ? answer.json() : answer.status === 204 ? {} : null; })
      .then(function (news) {
        if (!news) { return; }
        asked.dataset.since = news.since || asked.dataset.since;
        if ("behind" in news) { bar.hidden = !news.behind; bar.querySelector(".label").textContent = news.behind || ""; }
      })
      .catch(function () { /* asked again soon */ });
  }
  if (asked) { window.setInterval(askBehind, 15000); }
  function showTheme() {
    document.querySelectorAll("[data-theme-choice]").forEach(function (button) { button.setAttribute("aria-pressed", String(button.dataset.themeChoice === window.deskTheme.wish())); });
  }
  showTheme();
  document.addEventListener("click", function (event) {
    var choice = event.target.closest("[data-theme-choice]");
    if (choice) { window.deskTheme.choose(choice.dataset.themeChoice); showTheme(); }
    document.querySelectorAll("details.menu-of[open]").forEach(function (menu) { if (!menu.contains(event.target)) { menu.open = false; } });
  });
})();
