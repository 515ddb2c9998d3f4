/** What becomes of refusals. */

import { Failure } from "./api.js";
import { toast } from "./toast.js";

/** Return `work` with refusals shown rather than lost; it returns undefined then. */
export function guarded(work) {
  return async (...given) => {
    try {
      return await work(...given);
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      // While the server is away the bar at the top says so.
      if (!problem.isAway) toast(problem.message, { isBad: true });
      return undefined;
    }
  };
}
