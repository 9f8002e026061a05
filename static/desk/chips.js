/* Countdowns: each chip with data-due says what is left, and turns amber and red by itself; the server decides, this only keeps it true meanwhile. */
(function () {
  "use strict";
  var words = document.body.dataset;
  var ICONS = { ok: "clock", soon: "hourglass-split", late: "exclamation-triangle-fill" };
  var FAR = 24 * 3600 * 1000;
  var offset = words.now ? Date.parse(words.now) - Date.now() : 0;
  if (Math.abs(offset) < 5000) { offset = 0; }

  function fill(text, values) {
    return (text || "").replace(/%\((\w+)\)[sd]/g, function (_, name) { return values[name]; });
  }
  function now() { return Date.now() + offset; }

  /* The same words as feedback_desk/deadlines/chips.py. */
  function spell(milliseconds) {
    var minutes = Math.floor(Math.abs(milliseconds) / 60000);
    var days = Math.floor(minutes / 1440), hours = Math.floor(minutes % 1440 / 60);
    minutes %= 60;
    if (days) { return fill(words.tDays, { d: days }) + (hours ? " " + fill(words.tHours, { h: hours }) : ""); }
    if (hours) { return fill(words.tHours, { h: hours }) + " " + fill(words.tMinutes, { m: (minutes < 10 ? "0" : "") + minutes }); }
    return minutes ? fill(words.tMinutes, { m: minutes }) : words.tLess;
  }

  function tick(chip) {
    var due = Date.parse(chip.dataset.due), warn = Date.parse(chip.dataset.warn || chip.dataset.due), at = now();
    var kind = at >= due ? "late" : at >= warn ? "soon" : "ok";
    var text = null;
    if (kind === "late") {
      text = fill(words.tLate, { time: spell(at - due) });
    } else if (due - at <= FAR && !(kind === "ok" && "fixed" in chip.dataset)) {
      text = fill(words.tLeft, { time: spell(due - at) });
    }
    var shown = chip.querySelector(".words");
    if (text !== null && shown && shown.textContent !== text) { shown.textContent = text; }
    if (!chip.classList.contains("chip-" + kind)) {
      chip.classList.remove("chip-ok", "chip-soon", "chip-late");
      chip.classList.add("chip-" + kind);
      var icon = chip.querySelector(".bi");
      if (icon) { icon.className = "bi bi-" + ICONS[kind]; }
    }
  }

  var title = document.title;
  function late() {
    var list = document.getElementById("rows");
    var told = parseInt(words.late || "0", 10) || 0;
    return list ? Math.max(told, list.querySelectorAll(".item .chip-late").length) : told;
  }
  function all() {
    document.querySelectorAll(".chip[data-due]").forEach(tick);
    var n = late();
    var wanted = n ? "(" + fill(words.tLateTitle, { n: n }) + ") " + title : title;
    if (document.title !== wanted) { document.title = wanted; }
  }

  window.deskChips = { all: all, fill: fill };
  all();
  window.setInterval(all, 15000);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { all(); } });
  document.addEventListener("htmx:afterSettle", all);
})();
