-- schema.sql -- the tables.  The six tables of the public Lars keep their names and columns,
-- so that its programs work with this schema.  Missing keys are added and types are wider.
-- New columns come after the old ones and have defaults, because the DNSService of the
-- public Lars reads SELECT *.  Loading the file again keeps all rows.
CREATE DATABASE IF NOT EXISTS lars_dns CHARACTER SET utf8mb4;
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

-- One row with the version of all routes.
CREATE TABLE IF NOT EXISTS RouteVersion (
    id      INT UNSIGNED NOT NULL,
    version BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
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

-- Names of the modules, for display only.
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
