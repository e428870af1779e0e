export { programCheckout as ownCheckout } from './checkout-program.ts';
