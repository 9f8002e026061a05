/* Keys, dialogs, menus, toasts, theme buttons, the list's cursor and ticks. Every page works without it. */
(function () {
  "use strict";
  var words = document.body.dataset;
  var fill = window.deskChips.fill;
  function one(selector, inside) { return (inside || document).querySelector(selector); }
  function each(selector, act, inside) { (inside || document).querySelectorAll(selector).forEach(act); }

  /* theme */
  function showTheme() {
    each("[data-theme-choice]", function (button) { button.setAttribute("aria-pressed", String(button.dataset.themeChoice === window.deskTheme.wish())); });
  }
  showTheme();

  /* toasts */
  function makeToast(text, kind) {
    var line = document.createElement("div");
    line.className = "toast-line" + (kind ? " is-" + kind : "");
    line.dataset.toast = "";
    if (!kind) { line.dataset.goes = "8000"; }
    line.setAttribute("role", kind === "late" ? "alert" : "status");
    var icon = document.createElement("i");
    icon.className = "bi bi-" + (kind === "late" ? "exclamation-triangle-fill" : kind === "soon" ? "people-fill" : "check-circle-fill");
    icon.setAttribute("aria-hidden", "true");
    var said = document.createElement("div");
    said.className = "words";
    said.textContent = text;
    var shut = document.createElement("button");
    shut.type = "button"; shut.className = "shut"; shut.dataset.shut = ""; shut.setAttribute("aria-label", words.tClose);
    shut.innerHTML = '<i class="bi bi-x-lg" aria-hidden="true"></i>';
    line.append(icon, said, shut);
    one("#toasts").append(line);
    watchToasts();
    return line;
  }
  function watchToasts() {
    each("[data-toast]", function (line) {
      if (line.dataset.watched) { return; }
      line.dataset.watched = "1";
      if (line.dataset.goes) { leaveLater(line, parseInt(line.dataset.goes, 10)); }
      var open = one("dialog[open] #dialog-error");
      if (open && line.matches(".is-late") && line.closest("#toasts")) { line.classList.add("is-inline"); open.replaceChildren(line); }
    });
  }
  function leaveLater(line, after) {
    var timer = window.setTimeout(function () { line.remove(); }, after);
    ["pointerenter", "focusin"].forEach(function (name) {
      line.addEventListener(name, function () { window.clearTimeout(timer); });
    });
    ["pointerleave", "focusout"].forEach(function (name) {
      line.addEventListener(name, function () { window.clearTimeout(timer); timer = window.setTimeout(function () { line.remove(); }, 4000); });
    });
  }

  /* dialogs: those loaded into #dialog open by themselves, as modal ones */
  function openLoaded() {
    each("dialog[data-open]", function (dialog) {
      if (dialog.dataset.shown) { return; }
      dialog.dataset.shown = "1";
      dialog.removeAttribute("open");
      dialog.showModal();
      var first = one("[aria-invalid=true]", dialog) || one("[autofocus], .sheet-body input:not([type=hidden]), .sheet-body select, .sheet-body textarea", dialog);
      if (first) { first.focus(); }
      dialog.addEventListener("close", function () { if (dialog.closest("#dialog")) { dialog.remove(); } });
    });
  }

  /* what is said before a grave thing: a sentence on the button or form, asked in a dialog of ours */
  function ask(sentence, button, go) {
    var dialog = document.createElement("dialog");
    dialog.className = "sheet";
    var head = document.createElement("div"), foot = document.createElement("form");
    head.className = "sheet-body"; head.textContent = sentence;
    foot.className = "sheet-foot"; foot.method = "dialog";
    var no = document.createElement("button"), yes = document.createElement("button");
    no.className = "btn"; no.value = ""; no.textContent = words.tCancel; no.type = "submit";
    yes.className = "btn btn-primary"; yes.value = "yes"; yes.textContent = (button && button.textContent.trim()) || "OK"; yes.type = "submit";
    foot.append(no, yes);
    dialog.append(head, foot);
    document.body.append(dialog);
    dialog.addEventListener("close", function () { var agreed = dialog.returnValue === "yes"; dialog.remove(); if (agreed) { go(); } });
    dialog.showModal();
    yes.focus();
  }
  document.addEventListener("submit", function (event) {
    var form = event.target, button = event.submitter;
    var sentence = (button && button.dataset.confirm) || form.dataset.confirm;
    if (!sentence || form.dataset.agreed) { delete form.dataset.agreed; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(sentence, button, function () { form.dataset.agreed = "1"; form.requestSubmit(button || undefined); });
  }, true);

  /* two clicks send one thing */
  document.addEventListener("submit", function (event) {
    if (event.defaultPrevented || event.target.method === "dialog" || event.target.hasAttribute("hx-post")) { return; }
    var form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    window.setTimeout(function () { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", function () { each("form[data-sent]", function (form) { delete form.dataset.sent; }); });

  document.addEventListener("click", function (event) {
    var hit = event.target.closest("[data-shut], [data-shut-dialog], [data-opens], [data-theme-choice], [data-untick], [data-tab]");
    each("details.menu-of[open], .bottom-bar details[open]", function (menu) { if (!menu.contains(event.target)) { menu.open = false; } });
    if (!hit) { return; }
    if (hit.matches("[data-shut]")) { hit.closest("[data-toast]").remove(); }
    if (hit.matches("[data-shut-dialog]") && hit.closest("dialog[data-shown]")) { event.preventDefault(); hit.closest("dialog").close(); }
    if (hit.matches("[data-opens]")) { open(hit.dataset.opens); }
    if (hit.matches("[data-theme-choice]")) { window.deskTheme.choose(hit.dataset.themeChoice); showTheme(); }
    if (hit.matches("[data-untick]")) { untick(); }
    if (hit.matches("[data-tab]")) { showTab(hit); }
  });
  function open(id) {
    each("details.menu-of[open]", function (menu) { menu.open = false; });
    var dialog = document.getElementById(id);
    if (dialog && !dialog.open) { dialog.showModal(); }
  }

  /* tabs of the composer */
  function showTab(tab) {
    var list = tab.closest("[role=tablist]") || tab.parentElement;
    each("[data-tab]", function (other) {
      var panel = one(other.dataset.tab), on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      if (panel) { panel.hidden = !on; }
    }, list);
    var box = one(tab.dataset.tab + " textarea");
    if (box) { box.focus(); }
  }
  document.addEventListener("keydown", function (event) {
    var tab = event.target.closest && event.target.closest("[data-tab]");
    if (!tab || (event.key !== "ArrowRight" && event.key !== "ArrowLeft")) { return; }
    var tabs = Array.from((tab.closest("[role=tablist]") || tab.parentElement).querySelectorAll("[data-tab]"));
    var next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
    next.focus();
    next.click();
    next.focus();
  });

  /* the list: cursor and ticks */
  var cursor = null;
  function rows() { return Array.from(document.querySelectorAll("#rows .item, [data-list] .item")); }
  function place(row) {
    each(".item.is-cursor", function (other) { other.classList.remove("is-cursor"); });
    if (!row) { return; }
    row.classList.add("is-cursor");
    cursor = row.dataset.item;
    row.scrollIntoView({ block: "nearest" });
    var link = one("a.what", row);
    if (link) { link.focus({ preventScroll: true }); }
  }
  function step(by) {
    var list = rows();
    if (!list.length) { return false; }
    var at = list.findIndex(function (row) { return row.dataset.item === cursor; });
    place(list[Math.max(0, Math.min(list.length - 1, at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by))]);
    return true;
  }
  function ticks() { return Array.from(document.querySelectorAll("#rows .item .c-tick input:checked")); }
  function showTicks() {
    var n = ticks().length, whole = one("#rows [data-tick-all]"), of = document.querySelectorAll("#rows .item .c-tick input").length;
    each("[data-bulk]", function (bar) { bar.hidden = !n; });
    each("[data-when-none-ticked]", function (bar) { bar.hidden = !!n; });
    each("[data-ticked-words]", function (place) { place.textContent = fill(words.tTicked, { n: n }); });
    if (whole) { whole.checked = n > 0 && n === of; whole.indeterminate = n > 0 && n < of; }
    document.dispatchEvent(new CustomEvent("desk:ticks", { detail: n }));
  }
  function untick() { ticks().forEach(function (box) { box.checked = false; }); showTicks(); }
  document.addEventListener("change", function (event) {
    var box = event.target;
    if (box.matches("[data-tick-all]")) { each("#rows .item .c-tick input", function (other) { other.checked = box.checked; }); }
    if (box.closest(".c-tick")) { showTicks(); }
    if (box.matches("[data-submit-on-change]")) { box.form.requestSubmit(); }
  });
  document.addEventListener("htmx:afterSettle", function () {
    showTicks();
    var row = cursor && rows().find(function (other) { return other.dataset.item === cursor; });
    if (row) { row.classList.add("is-cursor"); }
  });

  /* keys */
  function typing(target) { return target.matches && target.matches("input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]), textarea, select, [contenteditable]"); }
  document.addEventListener("keydown", function (event) {
    if (event.isComposing || event.keyCode === 229) { return; }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      var form = event.target.form || (event.target.closest && event.target.closest("form"));
      if (form) { event.preventDefault(); form.requestSubmit(one("button[data-main], .btn-primary", form) || undefined); }
      return;
    }
    if (event.key === "Escape") { return escape(event); }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || one("dialog[open]:modal")) { return; }
    if (press(event)) { event.preventDefault(); }
  });
  function escape(event) {
    var menu = one("details.menu-of[open]");
    if (menu) { menu.open = false; one("summary", menu).focus(); return; }
    if (typing(event.target) && event.target.id === "search") { event.target.blur(); return; }
    if (!typing(event.target) && !one("dialog[open]") && ticks().length) { untick(); }
  }
  function press(event) {
    var own = one('[data-key="' + CSS.escape(event.key) + '"]');
    var row = rows().find(function (other) { return other.dataset.item === cursor; });
    switch (event.key) {
      case "/": { var box = one("#search"); if (!box || !box.offsetParent) { location.assign(one(".rail .search").action); return true; } box.focus(); box.select(); return true; }
      case "n": if (!one(".rail .new") || own) { break; } location.assign(words.registerUrl); return true;
      case "j": if (own) { break; } return step(1);
      case "k": if (own) { break; } return step(-1);
      case "x": if (!row || !one(".c-tick input", row)) { return false; } one(".c-tick input", row).click(); return true;
      case "Enter": if (!row || event.target.closest("a, button, input, summary")) { return false; } one("a.what", row).click(); return true;
      case "r": if (own || !row) { break; } location.assign(one("a.what", row).href + "#record"); return true;
      case "?": open("keys"); return true;
    }
    if (!own) { return false; }
    if (own.matches("input, textarea, select")) { own.focus(); } else { own.click(); }
    return true;
  }

  /* answers to htmx */
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target && event.detail.target.id === "dialog" && event.detail.xhr.status === 204) { one("#dialog").replaceChildren(); }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.xhr && event.detail.xhr.status === 204 && event.target.closest && event.target.closest("#dialog")) { one("#dialog").replaceChildren(); }
  });
  document.addEventListener("htmx:sendError", function () { makeToast(words.tOffline, "late"); });
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status >= 500) { makeToast(words.tFailed, "late"); }
  });
  document.addEventListener("htmx:afterSwap", function () { openLoaded(); watchToasts(); });
  document.addEventListener("htmx:oobAfterSwap", watchToasts);

  window.desk = { toast: makeToast, ticks: ticks, untick: untick, typing: typing, open: open };
  watchToasts();
  openLoaded();
  showTicks();
  var focus = one("[data-focus]");
  if (focus) { focus.focus(); }
  if (location.hash === "#record") { var tab = one('[data-key="r"]'); if (tab) { tab.click(); } }
})();
