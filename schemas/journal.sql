-- The journal of hvr, version 1: what was sent to which host, and what came of it. schemas/README.md describes it.
--
-- Any SQLite from 3.8 on reads this: no STRICT tables, no JSON functions, no generated columns. Times are ISO 8601 in
-- UTC with milliseconds and always 24 characters, so that they sort as text. Words are those that hvr prints.

CREATE TABLE runs (
    id           TEXT    NOT NULL PRIMARY KEY, -- when it began and six random digits: 20261125-100134-7f3a9c
    kind         TEXT    NOT NULL,             -- failover, planned-failover, test-start, ...
    vm           TEXT    NOT NULL,             -- GUID in upper case
    vm_name      TEXT    NOT NULL,
    host         TEXT,                         -- URL of the host that was named; the replica's where there are two
    primary_host TEXT,                         -- URL of the host that held the primary then
    begun        TEXT    NOT NULL,
    ending       TEXT,                         -- done, failed, not-begun, handed-over, undone, closed; NULL: open
    ended        TEXT,
    note         TEXT    NOT NULL DEFAULT '',  -- what was last said of it: why it stopped
    undoes       TEXT,                         -- the run that this one takes back
    machine      TEXT    NOT NULL,             -- where it was begun
    program      TEXT    NOT NULL,             -- version of the program that began it
    context      TEXT    NOT NULL,             -- of the program around the library; no secrets
    order_json   TEXT    NOT NULL,             -- the whole order
    changed      TEXT    NOT NULL,             -- when this run last wrote anything
    revision     INTEGER NOT NULL UNIQUE       -- counts every change of any run: what is later is larger, whatever clocks say
);

CREATE INDEX runs_vm ON runs (vm, revision);

CREATE TABLE calls (
    run                  TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number               INTEGER NOT NULL,     -- place in the run, from 1
    -- Written before the call leaves.
    step                 TEXT    NOT NULL,
    site                 TEXT    NOT NULL,     -- host, primary
    host                 TEXT    NOT NULL,     -- URL
    vm                   TEXT    NOT NULL,     -- the VM that is changed; a test VM has its own
    method               TEXT    NOT NULL,     -- Class.Method
    message_id           TEXT    NOT NULL,     -- uuid:...
    envelope             TEXT    NOT NULL,     -- the request as it goes out
    state_before         TEXT    NOT NULL,
    sent                 TEXT    NOT NULL,
    operation_timeout_ms INTEGER NOT NULL,
    -- Written when the answer is known; NULL: the process died before.
    delivery             TEXT,                 -- not-sent, unknown, answered
    return_value         INTEGER,
    job_class            TEXT,                 -- class URI
    job_id               TEXT,                 -- InstanceID
    error                TEXT,
    -- Written when it is proven.
    verdict              TEXT,                 -- done, not-taken, failed
    PRIMARY KEY (run, number)
);

CREATE INDEX calls_message ON calls (message_id);

PRAGMA application_id = 1752592945;            -- 'hvr1'
