-- The journal of hvr: whether the hosts of a run were real. A run of simulated hosts that are gone has the ending
-- world-ended.
ALTER TABLE runs ADD COLUMN world TEXT NOT NULL DEFAULT 'real'; -- real; or simulated: embedded ADDRESS, served ADDRESS
