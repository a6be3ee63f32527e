/** Whether somebody looks at this tab: visible, and for read markers focused too. */
import { createContext } from 'svelte';

export class Attention {
	#visible = $state(true);
	#focused = $state(true);

	/** Follows the page until the returned function is called. */
	watch(): () => void {
		const look = () => {
			this.#visible = document.visibilityState === 'visible';
			this.#focused = document.hasFocus();
		};
		look();
		document.addEventListener('visibilitychange', look);
		addEventListener('focus', look);
		addEventListener('blur', look);
		return () => {
			document.removeEventListener('visibilitychange', look);
			removeEventListener('focus', look);
			removeEventListener('blur', look);
		};
	}

	get isVisible(): boolean {
		return this.#visible;
	}

	get isFull(): boolean {
		return this.#visible && this.#focused;
	}
}

export const [getAttention, setAttention] = createContext<Attention>();
