/** Arrow keys walk through the messages once one has the focus. */
export function walk(event: KeyboardEvent) {
	if (event.altKey || event.ctrlKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
	if (!(event.target instanceof HTMLElement) || !event.target.matches('[data-message]')) return;
	const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[data-message]')];
	const next = rows[rows.indexOf(event.target) + (event.key === 'ArrowUp' ? -1 : 1)];
	if (!next) return;
	event.preventDefault();
	next.focus();
}
