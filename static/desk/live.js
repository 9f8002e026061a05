/* One cheap question every 2 s while the page is seen, one per browser: what changed? Lists and stories then refresh themselves, politely. */
(function () {
  "use strict";
  var words = document.body.dataset;
  if (!words.changesUrl || !words.since) { return; }
  var SEEN = 2000, HIDDEN = 20000;
  var since = words.since, waiting = new Set(), failures = 0;
  var channel = "BroadcastChannel" in window ? new BroadcastChannel("desk") : null;

  function later(a, b) { return isNaN(a) || isNaN(b) ? a > b : Number(a) > Number(b); }
  function polled() { try { return parseInt(localStorage.getItem("desk.polled") || "0", 10); } catch (_) { return 0; } }
  function mark() { try { localStorage.setItem("desk.polled", String(Date.now())); } catch (_) { /* then each page asks for itself */ } }

  var behind = false; /* this page missed something that another page heard */
  function tick() {
    var every = document.hidden ? HIDDEN : SEEN * Math.min(8, 1 + failures);
    if (Date.now() - polled() < every - 100 && !behind) { return; }
    if (navigator.locks) { navigator.locks.request("desk-poll", { ifAvailable: true }, function (lock) { return lock ? ask() : null; }); } else { ask(); }
  }
  function ask() {
    var from = since;
    mark();
    return fetch(words.changesUrl + "?since=" + encodeURIComponent(from), { headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "error" })
      .then(function (answer) {
        failures = 0;
        behind = false;
        alive(true);
        if (answer.status !== 200) { return; }
        return answer.json().then(function (news) { hear(news); if (channel) { news.from = from; channel.postMessage(news); } });
      })
      .catch(function () { failures += 1; if (failures > 2) { alive(false); } });
  }
  if (channel) {
    channel.onmessage = function (event) {
      if (later(event.data.from, since)) { behind = true; return; }
      if (later(event.data.since, since)) { hear(event.data); }
    };
  }

  function alive(yes) {
    document.querySelectorAll("[data-alive]").forEach(function (place) {
      place.classList.toggle("is-behind", !yes);
      var text = place.querySelector(".words");
      if (text) { text.textContent = yes ? words.tLive : words.tOffline; }
    });
  }
  function hear(news) {
    since = news.since;
    if ("notices" in news) {
      document.querySelectorAll("[data-notices]").forEach(function (badge) { badge.textContent = news.notices; badge.hidden = !news.notices; });
    }
    if ("behind" in news) {
      var line = document.getElementById("behind");
      if (line) { line.hidden = !news.behind; line.querySelector(".label").textContent = news.behind || ""; }
    }
    if ("late" in news) { words.late = news.late; }
    Object.keys(news.counts || {}).forEach(function (key) {
      document.querySelectorAll('[data-count="' + CSS.escape(key) + '"]').forEach(function (place) { place.textContent = news.counts[key]; });
    });
    (news.items || []).forEach(function (id) { waiting.add(String(id)); });
    if (waiting.size) { refresh(false); }
    window.deskChips.all();
    document.dispatchEvent(new CustomEvent("desk:heard", { detail: news }));
  }

  /* While rows are ticked, a menu is open or text is being typed nothing moves. */
  function busy() {
    var here = document.activeElement;
    return window.desk.ticks().length > 0 || !!document.querySelector("details.menu-of[open], dialog[open], .dropdown-menu.show") || (here && window.desk.typing(here) && here.id !== "search");
  }
  function refresh(asked) {
    var left = false;
    document.querySelectorAll("[data-live]").forEach(function (place) {
      var own = place.dataset.live === "all" ? null : place.dataset.live.split(",");
      if (own && !own.some(function (id) { return waiting.has(id.trim()); })) { return; }
      if (!asked && "livePolite" in place.dataset && busy()) { left = true; return; }
      window.htmx.trigger(place, "desk:changed", { items: Array.from(waiting) });
    });
    tell(left ? waiting.size : 0);
    if (!left) { waiting.clear(); }
  }
  function tell(n) {
    var pill = document.getElementById("news");
    if (!pill) { return; }
    pill.hidden = !n;
    var text = pill.querySelector(".words");
    if (n && text) { text.textContent = window.deskChips.fill(words.tNews, { n: n }); }
  }
  document.addEventListener("click", function (event) {
    if (event.target.closest("#news")) { window.desk.untick(); refresh(true); }
  });
  document.addEventListener("focusout", function () { window.setTimeout(function () { if (waiting.size && !busy()) { refresh(false); } }, 300); });
  document.addEventListener("desk:ticks", function (event) { if (!event.detail && waiting.size) { window.setTimeout(function () { refresh(false); }, 0); } });

  /* Rows that were not there before are marked as just arrived. */
  var before = null;
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target && event.detail.target.id === "rows") {
      before = new Set(Array.from(document.querySelectorAll("#rows .item"), function (row) { return row.dataset.item; }));
    }
  });
  document.addEventListener("htmx:afterSettle", function () {
    if (!before) { return; }
    document.querySelectorAll("#rows .item").forEach(function (row) { if (!before.has(row.dataset.item)) { row.classList.add("is-new"); } });
    before = null;
  });

  window.setInterval(tick, 1000);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { tick(); } });
})();
