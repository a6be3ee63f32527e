// Sets the theme before the first paint. A file of its own, because the page allows no inline script.
// The choice ("light", "dark" or nothing for the system's) is kept by lib/design/theme.svelte.ts.
(function () {
	var root = document.documentElement;
	var chosen = null;
	try {
		chosen = localStorage.getItem('theme');
	} catch {
		// Storage may be forbidden; then the system decides.
	}
	var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
	root.dataset.theme = dark ? 'dark' : 'light';
	var bar = document.querySelector('meta[name="theme-color"]');
	if (bar) bar.content = dark ? '#0E1314' : '#EDF0F0';
})();
