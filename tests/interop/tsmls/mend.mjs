// Preloaded (`node --import`) for a mended ts-mls: repairs on loading, in memory, the two faults that keep it and
// others out of valid groups. RFC 9420 §12.4.3.1 wants an unmerged leaf of a node to be listed by the non-blank nodes
// *between* the leaf and that node; ts-mls 1.6.4 wants every non-blank ancestor of the leaf to have the very
// same list. And external_pub (§12.4.3.2) holds an HPKEPublicKey, which is a vector; ts-mls has the bare bytes.
import { register } from "node:module";

register("./mend_hooks.mjs", import.meta.url);
