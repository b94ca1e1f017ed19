-- The journal of hvr, version 2: when a call went out by what no clock that is set can change, and no refusals that were none.

ALTER TABLE calls ADD COLUMN boot TEXT;          -- what tells that start of that machine from others; NULL: not known
ALTER TABLE calls ADD COLUMN uptime_ms INTEGER;  -- the time since then when the call went out

-- Version 1 took a bare HTTP status, such as 503, for a refusal by the host. It proves nothing: of a run that is open, what
-- came of the call is looked for.
UPDATE calls SET delivery = 'unknown', verdict = NULL
 WHERE delivery = 'answered' AND return_value IS NULL AND verdict = 'failed'
   AND run IN (SELECT id FROM runs WHERE ending IS NULL);
