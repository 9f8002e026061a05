/* Runs before the page is painted: light, dark, or as the system says; remembered in this browser. */
(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function wish() {
    try { return localStorage.getItem("desk.theme") || "system"; } catch (_) { return "system"; }
  }
  function apply() {
    var root = document.documentElement;
    if (root.hasAttribute("data-theme-fixed")) { return; }
    var chosen = wish();
    root.setAttribute("data-bs-theme", chosen === "system" ? (dark.matches ? "dark" : "light") : chosen);
    root.setAttribute("data-theme", chosen);
    root.dispatchEvent(new CustomEvent("desk:theme", { bubbles: true }));
  }
  window.deskTheme = {
    wish: wish,
    choose: function (name) {
      try { localStorage.setItem("desk.theme", name); } catch (_) { /* then for this page only */ }
      apply();
    }
  };
  document.documentElement.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", function (event) { if (event.key === "desk.theme") { apply(); } });
})();
