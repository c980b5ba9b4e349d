-- schema.sql -- the tables.  The six tables of the public Lars keep their names and columns,
-- so that its programs work with this schema.  Missing keys are added and types are wider.
-- New columns come after the old ones and have defaults, because the DNSService of the
-- public Lars reads SELECT *.  Loading the file again keeps all rows.
CREATE DATABASE IF NOT EXISTS lars_dns
    CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE lars_dns;

-- The nodes of each module.  Without foreign keys, because their cascades fire no trigger.
CREATE TABLE IF NOT EXISTS RouteData (
    id         INT UNSIGNED NOT NULL AUTO_INCREMENT,
    modid      INT UNSIGNED NOT NULL,
    cmdid      INT UNSIGNED NOT NULL,
    serverip   INT UNSIGNED NOT NULL,      -- IPv4 as a number, INET_ATON('10.0.0.1')
    serverport INT UNSIGNED NOT NULL,
    weight     INT UNSIGNED NOT NULL DEFAULT 100,   -- share of the calls; 100 = normal
    zone       VARCHAR(32)  NOT NULL DEFAULT '',    -- '' = no zone
    state      VARCHAR(16)  NOT NULL DEFAULT 'up',  -- only rows with 'up' are served
    PRIMARY KEY (id),
    UNIQUE KEY node (modid, cmdid, serverip, serverport)
) ENGINE = InnoDB;
-- A table of the public Lars lacks columns and the key: of rows with the same node, the first
-- stays.
ALTER TABLE RouteData
    ADD COLUMN IF NOT EXISTS weight INT UNSIGNED NOT NULL DEFAULT 100,
    ADD COLUMN IF NOT EXISTS zone VARCHAR(32) NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS state VARCHAR(16) NOT NULL DEFAULT 'up',
    MODIFY id INT UNSIGNED NOT NULL AUTO_INCREMENT, MODIFY modid INT UNSIGNED NOT NULL,
    MODIFY cmdid INT UNSIGNED NOT NULL, MODIFY serverip INT UNSIGNED NOT NULL,
    MODIFY serverport INT UNSIGNED NOT NULL,
    ADD KEY IF NOT EXISTS for_migration (modid, cmdid, serverip, serverport);
DELETE a FROM RouteData a JOIN RouteData b ON a.modid = b.modid AND a.cmdid = b.cmdid AND
    a.serverip = b.serverip AND a.serverport = b.serverport AND a.id > b.id;
ALTER TABLE RouteData
    ADD UNIQUE KEY IF NOT EXISTS node (modid, cmdid, serverip, serverport),
    DROP KEY IF EXISTS for_migration;

-- One row with the version of all routes.
CREATE TABLE IF NOT EXISTS RouteVersion (
    id      INT UNSIGNED NOT NULL,
    version BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
ALTER TABLE RouteVersion
    MODIFY id INT UNSIGNED NOT NULL, MODIFY version BIGINT UNSIGNED NOT NULL;
INSERT IGNORE INTO RouteVersion (id, version) VALUES (1, 1);

-- The module that changed with each version.  Readers never delete rows, because another
-- reader may still need them; rows are deleted by age.
CREATE TABLE IF NOT EXISTS RouteChange (
    id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    version BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_version (version, modid, cmdid)
) ENGINE = InnoDB;
-- confirmed: 1 = the author knows how many nodes the change removes, so DNSService does not
-- hold it.
ALTER TABLE RouteChange
    MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, MODIFY modid INT UNSIGNED NOT NULL,
    MODIFY cmdid INT UNSIGNED NOT NULL, MODIFY version BIGINT UNSIGNED NOT NULL,
    ADD KEY IF NOT EXISTS by_version (version, modid, cmdid),
    ADD COLUMN IF NOT EXISTS confirmed TINYINT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN IF NOT EXISTS goneip INT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS goneport INT UNSIGNED NULL DEFAULT NULL,
    ADD KEY IF NOT EXISTS by_module (modid, cmdid, version),
    ADD KEY IF NOT EXISTS by_age (changed_at);

-- Held changes that an operator confirmed; a trigger adds a confirmed RouteChange for each.
CREATE TABLE IF NOT EXISTS RouteConfirm (
    id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    who     VARCHAR(64) NOT NULL DEFAULT '',
    at      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id)
) ENGINE = InnoDB;

-- The newest call results of each node and caller, written by the Report Service (stage 05).
CREATE TABLE IF NOT EXISTS ServerCallStatus (
    modid    INT UNSIGNED NOT NULL,
    cmdid    INT UNSIGNED NOT NULL,
    ip       INT UNSIGNED NOT NULL,
    port     INT UNSIGNED NOT NULL,
    caller   INT UNSIGNED NOT NULL,
    succ_cnt BIGINT UNSIGNED NOT NULL DEFAULT 0,
    err_cnt  BIGINT UNSIGNED NOT NULL DEFAULT 0,
    ts       BIGINT UNSIGNED NOT NULL DEFAULT 0,   -- of the report, seconds since 1970
    overload TINYINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (modid, cmdid, ip, port, caller)
) ENGINE = InnoDB;
-- In a table of the public Lars, numbers have a sign, so an address from 128.0.0.0 on may be
-- negative; overload is a text.  Without a key, the newest of equal rows stays.
SET @signed = (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
    AND table_name = 'ServerCallStatus' AND column_name = 'ip'
    AND column_type NOT LIKE '%unsigned%');
EXECUTE IMMEDIATE IF(@signed, 'ALTER TABLE ServerCallStatus MODIFY modid BIGINT NOT NULL,
    MODIFY cmdid BIGINT NOT NULL, MODIFY ip BIGINT NOT NULL, MODIFY port BIGINT NOT NULL,
    MODIFY caller BIGINT NOT NULL', 'DO 0');
EXECUTE IMMEDIATE IF(@signed, 'UPDATE ServerCallStatus SET modid = modid & 0xFFFFFFFF,
    cmdid = cmdid & 0xFFFFFFFF, ip = ip & 0xFFFFFFFF, port = port & 0xFFFFFFFF,
    caller = caller & 0xFFFFFFFF, succ_cnt = GREATEST(succ_cnt, 0),
    err_cnt = GREATEST(err_cnt, 0), ts = GREATEST(ts, 0),
    overload = IF(overload = ''1'', 1, 0)', 'DO 0');
SET @keyless = (SELECT COUNT(*) = 0 FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = 'ServerCallStatus'
    AND index_name = 'PRIMARY');
EXECUTE IMMEDIATE IF(@keyless, 'ALTER TABLE ServerCallStatus
    ADD COLUMN lars_row BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY', 'DO 0');
EXECUTE IMMEDIATE IF(@keyless, 'DELETE a FROM ServerCallStatus a JOIN ServerCallStatus b
    ON a.modid = b.modid AND a.cmdid = b.cmdid AND a.ip = b.ip AND a.port = b.port AND
    a.caller = b.caller AND (a.ts < b.ts OR a.ts = b.ts AND a.lars_row < b.lars_row)',
    'DO 0');
EXECUTE IMMEDIATE IF(@keyless, 'ALTER TABLE ServerCallStatus DROP COLUMN lars_row,
    ADD PRIMARY KEY (modid, cmdid, ip, port, caller)', 'DO 0');
ALTER TABLE ServerCallStatus
    MODIFY modid INT UNSIGNED NOT NULL, MODIFY cmdid INT UNSIGNED NOT NULL,
    MODIFY ip INT UNSIGNED NOT NULL, MODIFY port INT UNSIGNED NOT NULL,
    MODIFY caller INT UNSIGNED NOT NULL,
    MODIFY succ_cnt BIGINT UNSIGNED NOT NULL DEFAULT 0,
    MODIFY err_cnt BIGINT UNSIGNED NOT NULL DEFAULT 0,
    MODIFY ts BIGINT UNSIGNED NOT NULL DEFAULT 0,
    MODIFY overload TINYINT UNSIGNED NOT NULL DEFAULT 0;

-- The number of the last batch of each report stream.  The rows of a batch and its number
-- are written in one transaction, so a batch is applied once, however often it is sent.
CREATE TABLE IF NOT EXISTS ReportSeen (
    stream     BINARY(16) NOT NULL,
    seq        BIGINT UNSIGNED NOT NULL,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    PRIMARY KEY (stream)
) ENGINE = InnoDB;

-- Calls over time.  A count is in exactly one of these tables, so their sum is exact: it
-- moves from CallSecond to CallMinute to CallHour at the ages of [retention] in
-- lars-reportd.ini (presets: after 10 minutes, after 2 days, deleted after 400 days).
CREATE TABLE IF NOT EXISTS CallSecond (
    at      BIGINT UNSIGNED NOT NULL,      -- seconds since 1970, the start of the span
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    ip      INT UNSIGNED NOT NULL,
    port    INT UNSIGNED NOT NULL,
    succ    BIGINT UNSIGNED NOT NULL DEFAULT 0,
    err     BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (at, modid, cmdid, ip, port),
    KEY by_module (modid, cmdid, at)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS CallMinute LIKE CallSecond;
CREATE TABLE IF NOT EXISTS CallHour LIKE CallSecond;
CREATE OR REPLACE VIEW CallHistory AS
    SELECT 1 AS span, CallSecond.* FROM CallSecond UNION ALL
    SELECT 60, CallMinute.* FROM CallMinute UNION ALL
    SELECT 3600, CallHour.* FROM CallHour;

-- Durations of calls by the minute, counted in the buckets of base/latency.h.  Rows are
-- deleted at the age at which CallMinute moves.
CREATE TABLE IF NOT EXISTS CallLatency (
    at      BIGINT UNSIGNED NOT NULL,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    bucket  SMALLINT UNSIGNED NOT NULL,
    n       BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (at, modid, cmdid, bucket),
    KEY by_module (modid, cmdid, at)
) ENGINE = InnoDB;

-- Conditions that need an operator; cleared_at NULL = the alarm is open.
CREATE TABLE IF NOT EXISTS Alarm (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    kind       VARCHAR(32) NOT NULL,
    subject    VARCHAR(64) NOT NULL,
    detail     VARCHAR(128) NOT NULL DEFAULT '',
    raised_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    cleared_at TIMESTAMP NULL DEFAULT NULL,
    PRIMARY KEY (id), KEY open (cleared_at)
) ENGINE = InnoDB;

-- Which process does the work of the leader, and when its lease ends if it is not renewed.
CREATE TABLE IF NOT EXISTS Lease (
    name       VARCHAR(32) NOT NULL,
    holder     BIGINT UNSIGNED NOT NULL,
    until_at   TIMESTAMP(3) NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- The policy of a module.  '' and 0 stand for the value in the agent's configuration.
CREATE TABLE IF NOT EXISTS ModulePolicy (
    modid      INT UNSIGNED NOT NULL,
    cmdid      INT UNSIGNED NOT NULL,
    rule       VARCHAR(15) NOT NULL DEFAULT '',       -- one of `larsctl policy rules`
    probe      VARCHAR(63) NOT NULL DEFAULT '',       -- '/path': by HTTP; 'echo': message 100; '' = TCP
    timeout_ms INT UNSIGNED NOT NULL DEFAULT 0,       -- of a call that is not reported
    slow_ms    INT UNSIGNED NOT NULL DEFAULT 0,       -- slow start of a node
    node_rps   INT UNSIGNED NOT NULL DEFAULT 0,       -- calls/s of a node of weight 100
    node_inflight INT UNSIGNED NOT NULL DEFAULT 0,    -- calls that it can have in progress at once
    target_ms  INT UNSIGNED NOT NULL DEFAULT 0,       -- within which its responses have to begin
    who        VARCHAR(64) NOT NULL DEFAULT '',
    changed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
               ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (modid, cmdid), KEY changed_at (changed_at)
) ENGINE = InnoDB;
ALTER TABLE ModulePolicy
    ADD COLUMN IF NOT EXISTS node_inflight INT UNSIGNED NOT NULL DEFAULT 0 AFTER node_rps,
    ADD COLUMN IF NOT EXISTS target_ms INT UNSIGNED NOT NULL DEFAULT 0 AFTER node_inflight;

-- Calls of the last minute by the zone of the caller, and nodes that a host has ejected.
CREATE TABLE IF NOT EXISTS ZoneLoad (
    at      BIGINT UNSIGNED NOT NULL,      -- when it was written, seconds since 1970
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    zone    INT UNSIGNED NOT NULL,         -- CRC32(name)
    ok      BIGINT UNSIGNED NOT NULL DEFAULT 0,
    err     BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (at, modid, cmdid, zone)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS NodeOut (
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    ip      INT UNSIGNED NOT NULL,
    port    INT UNSIGNED NOT NULL,
    caller  INT UNSIGNED NOT NULL,
    at      BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (modid, cmdid, ip, port, caller), KEY by_age (at)
) ENGINE = InnoDB;

-- Names of modules, for operators.
CREATE TABLE IF NOT EXISTS ModIDConfig (
    id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
    modid   INT UNSIGNED NOT NULL,
    content VARCHAR(255) NOT NULL DEFAULT '',
    PRIMARY KEY (id), UNIQUE KEY modid (modid)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS CmdIDConfig (
    id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
    cmdid   INT UNSIGNED NOT NULL,
    content VARCHAR(255) NOT NULL DEFAULT '',
    PRIMARY KEY (id), UNIQUE KEY cmdid (cmdid)
) ENGINE = InnoDB;
UPDATE ModIDConfig SET content = '' WHERE content IS NULL;
DELETE a FROM ModIDConfig a JOIN ModIDConfig b ON a.modid = b.modid AND a.id > b.id;
ALTER TABLE ModIDConfig
    MODIFY modid INT UNSIGNED NOT NULL, ADD UNIQUE KEY IF NOT EXISTS modid (modid),
    MODIFY content VARCHAR(255) NOT NULL DEFAULT '';
UPDATE CmdIDConfig SET content = '' WHERE content IS NULL;
DELETE a FROM CmdIDConfig a JOIN CmdIDConfig b ON a.cmdid = b.cmdid AND a.id > b.id;
ALTER TABLE CmdIDConfig
    MODIFY cmdid INT UNSIGNED NOT NULL, ADD UNIQUE KEY IF NOT EXISTS cmdid (cmdid),
    MODIFY content VARCHAR(255) NOT NULL DEFAULT '';

-- Processes, and when each last showed that it works.  A process writes its own row; the
-- rows of agents come by message 38.  (stream, seq) is the message that wrote the row.
CREATE TABLE IF NOT EXISTS Service (
    kind     VARCHAR(16) NOT NULL,          -- agent, dnsd or reportd
    name     VARCHAR(64) NOT NULL,          -- HOST/ADDRESS:PORT
    zone     VARCHAR(32) NOT NULL DEFAULT '',
    address  VARCHAR(64) NOT NULL DEFAULT '',
    version  VARCHAR(16) NOT NULL DEFAULT '',
    revision BIGINT UNSIGNED NOT NULL DEFAULT 0,    -- of the routes that it serves
    state    VARCHAR(64) NOT NULL DEFAULT '',       -- '' = all is well
    stream   BINARY(16) NOT NULL DEFAULT '',
    seq      BIGINT UNSIGNED NOT NULL DEFAULT 0,
    seen_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (kind, name)
) ENGINE = InnoDB;
ALTER TABLE Service
    ADD COLUMN IF NOT EXISTS report VARBINARY(16) NOT NULL DEFAULT '',  -- report stream
    ADD COLUMN IF NOT EXISTS since TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3);

-- What each agent has in force for each module that it uses.
CREATE TABLE IF NOT EXISTS AgentRoute (
    agent   VARCHAR(64) NOT NULL,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    version BIGINT UNSIGNED NOT NULL DEFAULT 0,
    sum     BIGINT UNSIGNED NOT NULL DEFAULT 0,     -- of its nodes, as messages have it
    policy  BIGINT UNSIGNED NOT NULL DEFAULT 0,
    at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (agent, modid, cmdid), KEY by_module (modid, cmdid)
) ENGINE = InnoDB;

-- Nodes that an agent gives no calls to, or few.  A Report Service adds the nodes of zones
-- without an agent, which it checks itself.
CREATE TABLE IF NOT EXISTS AgentNode (
    agent VARCHAR(64) NOT NULL,
    modid INT UNSIGNED NOT NULL,
    cmdid INT UNSIGNED NOT NULL,
    ip    INT UNSIGNED NOT NULL,
    port  INT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL,                -- 1 down, 2 ejected, 3 on trial
    PRIMARY KEY (agent, modid, cmdid, ip, port), KEY by_node (modid, cmdid, ip, port)
) ENGINE = InnoDB;

-- Modules that a DNSService holds, written by it each second.
CREATE TABLE IF NOT EXISTS RouteHold (
    dnsd    VARCHAR(64) NOT NULL,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    had     INT UNSIGNED NOT NULL,
    gone    INT UNSIGNED NOT NULL,
    since   TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    seen_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (dnsd, modid, cmdid)
) ENGINE = InnoDB;

-- Report streams that two live agents send, written by a Report Service each second.
CREATE TABLE IF NOT EXISTS StreamConflict (
    reportd VARCHAR(64) NOT NULL,
    stream  VARCHAR(32) NOT NULL,           -- hexadecimal digits
    owner   VARCHAR(64) NOT NULL,           -- whose calls are counted: ADDRESS:PORT
    other   VARCHAR(64) NOT NULL,           -- whose calls are refused
    seen_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (reportd, stream)
) ENGINE = InnoDB;
ALTER TABLE Alarm MODIFY detail VARCHAR(500) NOT NULL DEFAULT '';

-- What operators did, by whom, and with what result.  Programs only add rows; rows are
-- deleted by age ([retention] audit_s).
CREATE TABLE IF NOT EXISTS Audit (
    id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    at       TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    actor    VARCHAR(64) NOT NULL,
    via      VARCHAR(16) NOT NULL,          -- larsctl, console, showcase-import or lars-autoscaler
    peer     VARCHAR(64) NOT NULL DEFAULT '',   -- the address of the browser
    action   VARCHAR(32) NOT NULL,          -- 'route add', 'alarm ack' ...
    subject  VARCHAR(64) NOT NULL DEFAULT '',   -- MODID/CMDID, zone:NAME, edition:YEAR
    reason   VARCHAR(255) NOT NULL DEFAULT '',
    result   VARCHAR(32) NOT NULL,          -- done, or why it was refused
    revision BIGINT UNSIGNED NOT NULL DEFAULT 0,    -- version of the routes; 0 = unchanged
    of_id    BIGINT UNSIGNED NOT NULL DEFAULT 0,    -- the row that this one is the sequel of
    detail   LONGTEXT NOT NULL DEFAULT '{}' CHECK (JSON_VALID(detail)),
    PRIMARY KEY (id), KEY at (at), KEY subject (subject, at), KEY of_id (of_id)
) ENGINE = InnoDB;
ALTER TABLE Audit MODIFY via VARCHAR(16) NOT NULL;

-- Each changed row of RouteData, written by triggers, so changes by SQL are here, too.
-- NULL in the old columns: the node was added; in the new ones: it was removed.
CREATE TABLE IF NOT EXISTS RouteLog (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    at         TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    audit_id   BIGINT UNSIGNED NOT NULL DEFAULT 0,  -- 0 = not by one of our programs
    db_user    VARCHAR(80) NOT NULL,
    modid      INT UNSIGNED NOT NULL,
    cmdid      INT UNSIGNED NOT NULL,
    ip         INT UNSIGNED NOT NULL,
    port       INT UNSIGNED NOT NULL,
    old_weight INT UNSIGNED NULL,
    old_zone   VARCHAR(32) NULL,
    old_state  VARCHAR(16) NULL,
    new_weight INT UNSIGNED NULL,
    new_zone   VARCHAR(32) NULL,
    new_state  VARCHAR(16) NULL,
    PRIMARY KEY (id), KEY by_module (modid, cmdid, at), KEY by_audit (audit_id), KEY by_age (at)
) ENGINE = InnoDB;

-- Messages about alarms that operators stopped for a time; the alarms are shown as before.
-- subject '' = every subject of the kind.
CREATE TABLE IF NOT EXISTS AlarmSilence (
    id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    kind     VARCHAR(32) NOT NULL,
    subject  VARCHAR(64) NOT NULL DEFAULT '',
    until_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    reason   VARCHAR(255) NOT NULL,
    actor    VARCHAR(64) NOT NULL,
    ended_by VARCHAR(64) NOT NULL DEFAULT '',   -- who ended it before its time
    PRIMARY KEY (id), KEY until_at (until_at)
) ENGINE = InnoDB;

-- When the message that the alarm is open was last sent; NULL = not yet, it is silenced.
ALTER TABLE Alarm ADD COLUMN IF NOT EXISTS told_at TIMESTAMP(3) NULL DEFAULT NULL;

-- Where alarms are sent (the targets stand in lars-reportd.ini): the last message, what was
-- wrong with it, and the last test that an operator asked for.
CREATE TABLE IF NOT EXISTS AlarmTarget (
    name      VARCHAR(16) NOT NULL,         -- program, webhook, wecom or dingtalk
    told_at   TIMESTAMP(3) NULL DEFAULT NULL,
    error     VARCHAR(128) NOT NULL DEFAULT '',
    test_at   TIMESTAMP(3) NULL DEFAULT NULL,
    tested_by VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- Who may use the console.
CREATE TABLE IF NOT EXISTS User (
    name        VARCHAR(64) NOT NULL,
    pwhash      VARCHAR(128) NOT NULL,      -- argon2id, as libsodium writes it
    role        VARCHAR(8) NOT NULL,        -- viewer, operator or admin
    must_change TINYINT UNSIGNED NOT NULL DEFAULT 1,    -- the password was given, not chosen
    disabled    TINYINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- Who is logged in, and the links of wall displays.  The database has no token, only its
-- BLAKE2b, so that a copy of the database opens no session.
CREATE TABLE IF NOT EXISTS Session (
    id       BINARY(32) NOT NULL,
    user     VARCHAR(64) NOT NULL,
    peer     VARCHAR(64) NOT NULL DEFAULT '',
    kind     VARCHAR(8) NOT NULL,           -- user, wall or link
    seen_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    until_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id), KEY user (user), KEY until_at (until_at)
) ENGINE = InnoDB;

-- --- Scaling: which nodes of a module run where (docs/zh/operate/scaling.md). ------------

-- The modules that the autoscaler scales, each with its bounds.
CREATE TABLE IF NOT EXISTS ScalePolicy (
    modid      INT UNSIGNED NOT NULL,
    cmdid      INT UNSIGNED NOT NULL,
    actuator   VARCHAR(16) NOT NULL DEFAULT 'slots',  -- slots: lars-slotd; exec: a program
    min_zone   INT UNSIGNED NOT NULL DEFAULT 1,       -- nodes in each zone, at least
    max_zone   INT UNSIGNED NOT NULL DEFAULT 0,       -- at most; 0 = as many as slots
    warm       INT UNSIGNED NOT NULL DEFAULT 1,       -- run in each zone without a route
    util_pct   INT UNSIGNED NOT NULL DEFAULT 70,      -- of a node's capacity, in normal use
    floor_pct  INT UNSIGNED NOT NULL DEFAULT 90,      -- the same when a zone is lost
    dry_run    TINYINT UNSIGNED NOT NULL DEFAULT 0,   -- 1 = decide and record, change nothing
    who        VARCHAR(64) NOT NULL DEFAULT '',
    changed_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
               ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (modid, cmdid)
) ENGINE = InnoDB;

-- Nodes that an operator wants from a time to another one, at least; zone '' = each zone.
CREATE TABLE IF NOT EXISTS ScalePlan (
    id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    modid    INT UNSIGNED NOT NULL,
    cmdid    INT UNSIGNED NOT NULL,
    zone     VARCHAR(32) NOT NULL DEFAULT '',
    from_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    until_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    n_zone   INT UNSIGNED NOT NULL,
    note     VARCHAR(255) NOT NULL DEFAULT '',
    who      VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (id), KEY by_module (modid, cmdid, until_at)
) ENGINE = InnoDB;

-- Hosts with slots, as their lars-slotd says.  in_use 0 = an operator wants it empty.
CREATE TABLE IF NOT EXISTS ScaleHost (
    host    VARCHAR(64) NOT NULL,
    zone    VARCHAR(32) NOT NULL DEFAULT '',
    address VARCHAR(64) NOT NULL DEFAULT '',          -- IPv4 of its nodes
    class   VARCHAR(32) NOT NULL DEFAULT '',          -- hosts of a class are equally fast
    slots   INT UNSIGNED NOT NULL DEFAULT 0,
    in_use  TINYINT UNSIGNED NOT NULL DEFAULT 1,
    seen_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (host)
) ENGINE = InnoDB;

-- What each slot is to run; no row = nothing.  A lars-slotd obeys no order of a fence that
-- is lower than one that it has seen.
CREATE TABLE IF NOT EXISTS ScaleWanted (
    host     VARCHAR(64) NOT NULL,
    slot     INT UNSIGNED NOT NULL,                   -- 1 to ScaleHost.slots
    modid    INT UNSIGNED NOT NULL,
    cmdid    INT UNSIGNED NOT NULL,
    fence    BIGINT UNSIGNED NOT NULL,
    decision BIGINT UNSIGNED NOT NULL DEFAULT 0,      -- ScaleDecision.id
    PRIMARY KEY (host, slot), KEY by_module (modid, cmdid)
) ENGINE = InnoDB;

-- What runs in each slot, as the lars-slotd of the host says.
CREATE TABLE IF NOT EXISTS ScaleSlot (
    host    VARCHAR(64) NOT NULL,
    slot    INT UNSIGNED NOT NULL,
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    port    INT UNSIGNED NOT NULL,
    pid     INT UNSIGNED NOT NULL DEFAULT 0,
    state   VARCHAR(16) NOT NULL,                     -- starting, ready, sick, failed, stopping
    starts  INT UNSIGNED NOT NULL DEFAULT 0,          -- attempts for this order
    note    VARCHAR(128) NOT NULL DEFAULT '',         -- why it failed
    since   TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    seen_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (host, slot)
) ENGINE = InnoDB;

-- The program that the node runs: the first digits of the SHA-256 of the file, empty when
-- it is not known; and since when a state has had it.
ALTER TABLE ScaleSlot ADD COLUMN IF NOT EXISTS build VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE ScaleSlot ADD COLUMN IF NOT EXISTS build_since TIMESTAMP(3) NULL DEFAULT NULL;

-- Why the number of nodes is as it is: a row for each change, and one a minute.
CREATE TABLE IF NOT EXISTS ScaleDecision (
    id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    at       TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    fence    BIGINT UNSIGNED NOT NULL DEFAULT 0,
    modid    INT UNSIGNED NOT NULL,
    cmdid    INT UNSIGNED NOT NULL,
    demand   DOUBLE NOT NULL DEFAULT 0,               -- requests a second, refused ones too
    refused  DOUBLE NOT NULL DEFAULT 0,               -- of these
    inflight DOUBLE NOT NULL DEFAULT 0,               -- mean requests in progress
    load_nodes DOUBLE NOT NULL DEFAULT 0,             -- in nodes of measured capacity
    zones    INT UNSIGNED NOT NULL DEFAULT 0,         -- that can be used
    up       INT UNSIGNED NOT NULL DEFAULT 0,         -- nodes in the route, all zones
    need     INT UNSIGNED NOT NULL DEFAULT 0,         -- in each zone, of demand and floor
    plan     INT UNSIGNED NOT NULL DEFAULT 0,         -- in each zone, of plan and minimum
    was      INT UNSIGNED NOT NULL DEFAULT 0,         -- wanted in each zone, before and
    wanted   INT UNSIGNED NOT NULL DEFAULT 0,         -- after it
    rule     VARCHAR(16) NOT NULL,                    -- urgent, floor, plan, down, max, keep ...
    note     VARCHAR(255) NOT NULL DEFAULT '',
    PRIMARY KEY (id), KEY by_module (modid, cmdid, at), KEY by_age (at)
) ENGINE = InnoDB;

-- Where fewer nodes take calls than are wanted; from it the alarm scale_stuck follows.
CREATE TABLE IF NOT EXISTS ScaleShortage (
    modid   INT UNSIGNED NOT NULL,
    cmdid   INT UNSIGNED NOT NULL,
    zone    VARCHAR(32) NOT NULL,
    wanted  INT UNSIGNED NOT NULL,
    up      INT UNSIGNED NOT NULL,
    most    INT UNSIGNED NOT NULL,                    -- that were up since <since>
    why     VARCHAR(255) NOT NULL DEFAULT '',         -- what is known of the cause
    since   TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    seen_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (modid, cmdid, zone)
) ENGINE = InnoDB;

-- What a node of a module can do on a class of hosts, as it was measured.
CREATE TABLE IF NOT EXISTS Capacity (
    modid     INT UNSIGNED NOT NULL,
    cmdid     INT UNSIGNED NOT NULL,
    class     VARCHAR(32) NOT NULL DEFAULT '',
    rps       DOUBLE NOT NULL,                        -- requests a second
    inflight  DOUBLE NOT NULL,                        -- mean requests in progress at that rate
    p99_us    INT UNSIGNED NOT NULL,                  -- of responses, at that rate
    target_us INT UNSIGNED NOT NULL,                  -- that was allowed
    build     VARCHAR(64) NOT NULL DEFAULT '',        -- version of the node's program
    mix       VARCHAR(255) NOT NULL DEFAULT '',       -- what was requested
    factor    DOUBLE NOT NULL DEFAULT 1,              -- observed / measured, 0.5 to 1
    at        TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    who       VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (modid, cmdid, class)
) ENGINE = InnoDB;

-- What operators have decided about zones; a zone without a row is in service.  The nodes of
-- a zone that was drained have the state 'zone_drained' in RouteData.
CREATE TABLE IF NOT EXISTS ZoneState (
    zone    VARCHAR(32) NOT NULL,
    state   VARCHAR(16) NOT NULL,                     -- leaving, drained, fenced
    who     VARCHAR(64) NOT NULL DEFAULT '',
    reason  VARCHAR(255) NOT NULL DEFAULT '',
    at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (zone)
) ENGINE = InnoDB;

-- Since when the factor has been below 0.8.
ALTER TABLE Capacity ADD COLUMN IF NOT EXISTS low_since TIMESTAMP(3) NULL DEFAULT NULL;

-- Where build comes from: typed (by an operator, and then compared with nothing) or measured
-- (ScaleSlot.build of the node that was measured).
ALTER TABLE Capacity ADD COLUMN IF NOT EXISTS build_from VARCHAR(16) NOT NULL DEFAULT 'typed';

-- A node that larsctl capacity measure loads in a slot of its own: it is never in the route
-- and never counted.  larsctl moves until_at on while it measures; after that the leader
-- empties the slot and removes the row.
CREATE TABLE IF NOT EXISTS ScaleMeasure (
    modid    INT UNSIGNED NOT NULL,
    cmdid    INT UNSIGNED NOT NULL,
    token    CHAR(32) NOT NULL,                       -- random, of one measurement
    class    VARCHAR(32) NULL DEFAULT NULL,           -- of the host; NULL = any
    state    VARCHAR(16) NOT NULL DEFAULT 'asked',    -- asked, given, refused
    host     VARCHAR(64) NOT NULL DEFAULT '',         -- of the slot that was given
    slot     INT UNSIGNED NOT NULL DEFAULT 0,
    note     VARCHAR(255) NOT NULL DEFAULT '',        -- why it was refused
    at       TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    until_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    who      VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (modid, cmdid), UNIQUE KEY token (token)
) ENGINE = InnoDB;

-- While a row is in force nothing is scaled down; name 'scale'.
CREATE TABLE IF NOT EXISTS Freeze (
    name     VARCHAR(16) NOT NULL,
    reason   VARCHAR(255) NOT NULL DEFAULT '',
    until_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    who      VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (name)
) ENGINE = InnoDB;

-- A lease that has changed its holder has a higher fence.
ALTER TABLE Lease ADD COLUMN IF NOT EXISTS fence BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- The last state that a lars-slotd has sent, so that an older one, which another Report
-- Service still has, does not replace it; and the highest fence that it has obeyed.
ALTER TABLE ScaleHost ADD COLUMN IF NOT EXISTS stream CHAR(32) NOT NULL DEFAULT '';
ALTER TABLE ScaleHost ADD COLUMN IF NOT EXISTS former CHAR(32) NOT NULL DEFAULT '';
ALTER TABLE ScaleHost ADD COLUMN IF NOT EXISTS seq BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE ScaleHost ADD COLUMN IF NOT EXISTS fence BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- Drills that larsctl drill run has begun.  The row is written each second by the drill
-- itself; without a sign of it for 10 s it is lost, and its events may be in force.  The
-- leader deletes rows that were last written [retention] audit_s ago.
CREATE TABLE IF NOT EXISTS Drill (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    token      CHAR(32) NOT NULL,                     -- random, also in the drill's folder
    name       VARCHAR(100) NOT NULL,
    module     VARCHAR(24) NOT NULL DEFAULT '',       -- "1/1"; '' = none
    script     TEXT NOT NULL,                         -- the file, as it was read
    state      VARCHAR(8) NOT NULL,                   -- running, passed, failed, aborted, undone
    who        VARCHAR(64) NOT NULL,
    host       VARCHAR(64) NOT NULL,
    folder     VARCHAR(255) NOT NULL,                 -- of its journal, on this host
    started_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    seen_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    ended_at   TIMESTAMP(3) NULL DEFAULT NULL,
    second     INT UNSIGNED NOT NULL DEFAULT 0,       -- of the load, and how many there are
    seconds    INT UNSIGNED NOT NULL DEFAULT 0,
    happened   INT UNSIGNED NOT NULL DEFAULT 0,       -- events, and how many there are
    events     INT UNSIGNED NOT NULL DEFAULT 0,
    due        BIGINT UNSIGNED NOT NULL DEFAULT 0,    -- requests of the whole drill
    ok         BIGINT UNSIGNED NOT NULL DEFAULT 0,
    failed     BIGINT UNSIGNED NOT NULL DEFAULT 0,
    p50_us     BIGINT UNSIGNED NOT NULL DEFAULT 0,
    p99_us     BIGINT UNSIGNED NOT NULL DEFAULT 0,
    undo_open  TINYINT UNSIGNED NOT NULL DEFAULT 0,   -- 1: an event is in force
    why        VARCHAR(255) NOT NULL DEFAULT '',      -- it ended early
    live       MEDIUMTEXT NOT NULL,                   -- JSON: events, targets, last seconds
    report     LONGTEXT NULL DEFAULT NULL,            -- JSON: report.json, at the end
    abort_at   TIMESTAMP(3) NULL DEFAULT NULL,        -- an operator wants its end
    abort_by   VARCHAR(64) NOT NULL DEFAULT '',
    abort_why  VARCHAR(255) NOT NULL DEFAULT '',
    PRIMARY KEY (id), UNIQUE KEY by_token (token), KEY by_state (state, seen_at)
) ENGINE = InnoDB;

-- Hosts that can run a gateway; lars-autoscaler changes the state, operators hold a host.
CREATE TABLE IF NOT EXISTS FrontHost (
    host       VARCHAR(64) NOT NULL,                  -- as [hook] front knows it
    zone       VARCHAR(32) NOT NULL DEFAULT '',
    admin      VARCHAR(64) NOT NULL,                  -- its admin port, ADDRESS:PORT
    outside    VARCHAR(64) NOT NULL,                  -- where visitors reach it, by HTTP
    state      VARCHAR(16) NOT NULL DEFAULT 'standby', -- starting, announced, withdrawing,
                                                      -- withdrawn
    held       TINYINT UNSIGNED NOT NULL DEFAULT 0,   -- 1 = an operator decided the state
    done       TINYINT UNSIGNED NOT NULL DEFAULT 0,   -- the program accepted the command
    seen       TINYINT UNSIGNED NOT NULL DEFAULT 0,   -- from outside, so it counts
    seen_at    TIMESTAMP(3) NULL DEFAULT NULL,        -- first, since it was announced
    failed     INT UNSIGNED NOT NULL DEFAULT 0,       -- times in a row that it was given up
    since      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    note       VARCHAR(255) NOT NULL DEFAULT '',
    who        VARCHAR(64) NOT NULL DEFAULT '',
    PRIMARY KEY (host), UNIQUE KEY admin (admin)
) ENGINE = InnoDB;

-- The gateways that lars-autoscaler asks for the demand, written every 5 s.
CREATE TABLE IF NOT EXISTS GatewaySeen (
    address     VARCHAR(64) NOT NULL,                 -- its admin port
    origin      VARCHAR(16) NOT NULL,                 -- config or table
    required    TINYINT UNSIGNED NOT NULL DEFAULT 1,  -- while it is silent nothing goes down
    answered_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    asked_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    why         VARCHAR(255) NOT NULL DEFAULT '',     -- it does not answer
    PRIMARY KEY (address)
) ENGINE = InnoDB;
