/** What an icon is to our components: one of `@lucide/svelte/icons/…`, imported by its own path, never from the index. */
import type Bell from '@lucide/svelte/icons/bell';

export type Icon = typeof Bell;
