/**
 * Puts a text on the clipboard. Browsers have `navigator.clipboard` on secure origins only; over plain HTTP, and where
 * it is refused, the text is selected and copied as a person would do it.
 */

/** Whether the text is on the clipboard now. */
export async function copyText(text: string): Promise<boolean> {
	// The types promise what insecure origins do not have.
	const clipboard = navigator.clipboard as Clipboard | undefined;
	if (clipboard !== undefined) {
		const isWritten = await clipboard.writeText(text).then(
			() => true,
			() => false,
		);
		if (isWritten) return true;
	}
	return copySelected(text);
}

function copySelected(text: string): boolean {
	const selection = getSelection();
	if (selection === null) return false;
	const before = Array.from({ length: selection.rangeCount }, (_, at) => selection.getRangeAt(at));
	const shown = document.createElement('span');
	shown.textContent = text === '' ? ' ' : text;
	shown.ariaHidden = 'true';
	shown.style.cssText = 'position: fixed; inset: 0 auto auto 0; opacity: 0; white-space: pre; user-select: text';
	document.body.append(shown);
	let isGiven = false;
	// The plain text as it is, not what a browser makes of the selection.
	const give = (event: ClipboardEvent) => {
		event.clipboardData?.setData('text/plain', text);
		event.preventDefault();
		event.stopImmediatePropagation();
		isGiven = event.clipboardData !== null;
	};
	document.addEventListener('copy', give, { capture: true });
	try {
		selection.selectAllChildren(shown);
		return document.execCommand('copy') && isGiven;
	} catch {
		return false;
	} finally {
		document.removeEventListener('copy', give, { capture: true });
		shown.remove();
		selection.removeAllRanges();
		for (const range of before) selection.addRange(range);
	}
}
