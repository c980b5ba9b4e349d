-- site.sql -- the exhibition site: its editions, exhibits, pictures and visits.  The importer
-- writes editions; nodes read the published and frozen ones and write only visits.  Loading
-- the file again keeps all rows.  Its two users are locked until they have passwords:
--     ALTER USER lars_site@localhost IDENTIFIED BY '...' ACCOUNT UNLOCK
CREATE DATABASE IF NOT EXISTS lars_site
    CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE lars_site;

-- An edition is shown when it is published or frozen; the site opens with the latest year.
-- A frozen edition is not changed any more.
CREATE TABLE IF NOT EXISTS Edition (
    year         SMALLINT UNSIGNED NOT NULL,        -- "edition" in the other tables
    title_zh     VARCHAR(200) NOT NULL,
    title_en     VARCHAR(200) NOT NULL,
    state        ENUM('draft', 'published', 'frozen') NOT NULL DEFAULT 'draft',
    published_at DATETIME NULL,                     -- UTC; NULL: never published
    PRIMARY KEY (year)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS Exhibit (
    edition         SMALLINT UNSIGNED NOT NULL,
    id              VARCHAR(32)  CHARACTER SET ascii NOT NULL,   -- a-z 0-9 -, part of the URL
    category        VARCHAR(32)  CHARACTER SET ascii NOT NULL,   -- crops, varieties, soils, methods, machines
    title_zh        VARCHAR(200) NOT NULL,
    title_en        VARCHAR(200) NOT NULL,
    summary_zh      VARCHAR(600) NOT NULL,
    summary_en      VARCHAR(600) NOT NULL,
    body_zh         TEXT NOT NULL,                  -- plain text, an empty line ends a paragraph
    body_en         TEXT NOT NULL,
    organisation_zh VARCHAR(200) NOT NULL DEFAULT '',
    organisation_en VARCHAR(200) NOT NULL DEFAULT '',
    position        INT UNSIGNED NOT NULL DEFAULT 0,  -- order within the edition
    sample          TINYINT UNSIGNED NOT NULL DEFAULT 0,  -- 1: labelled as a sample
    PRIMARY KEY (edition, id),
    KEY by_category (edition, category, position)
) ENGINE = InnoDB;

-- The bytes of pictures, each once for all editions.
CREATE TABLE IF NOT EXISTS Picture (
    hash  CHAR(64)    CHARACTER SET ascii NOT NULL,   -- SHA-256 of bytes, lower-case hex
    mime  VARCHAR(32) CHARACTER SET ascii NOT NULL,   -- image/svg+xml, png, jpeg, webp
    bytes MEDIUMBLOB  NOT NULL,
    PRIMARY KEY (hash)
) ENGINE = InnoDB;

-- The pictures of an exhibit in their order, n from 0; lists show the first.
CREATE TABLE IF NOT EXISTS ExhibitPicture (
    edition SMALLINT UNSIGNED NOT NULL,
    id      VARCHAR(32) CHARACTER SET ascii NOT NULL,
    n       TINYINT UNSIGNED NOT NULL,
    hash    CHAR(64) CHARACTER SET ascii NOT NULL,
    alt_zh  VARCHAR(300) NOT NULL,
    alt_en  VARCHAR(300) NOT NULL,
    PRIMARY KEY (edition, id, n),
    KEY by_hash (hash)
) ENGINE = InnoDB;

-- Visits of an exhibit that a node has counted: it adds to its own row, so nodes do not wait
-- for one another.
CREATE TABLE IF NOT EXISTS ExhibitVisit (
    edition SMALLINT UNSIGNED NOT NULL,
    id      VARCHAR(32) CHARACTER SET ascii NOT NULL,
    node    VARCHAR(64) CHARACTER SET ascii NOT NULL,
    visits  BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (edition, id, node)
) ENGINE = InnoDB;
-- The last statement that has added to the row: the process of the node, a random number,
-- and its number among those of the process.  The same statement a second time adds nothing.
ALTER TABLE ExhibitVisit
    ADD COLUMN IF NOT EXISTS stream BIGINT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS seq    BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- One row, which nodes read each second: they load the catalogue again when it has changed.
-- Triggers on Edition add 1, so a change of exhibits is shown once its edition is updated.
CREATE TABLE IF NOT EXISTS SiteRevision (
    id       TINYINT UNSIGNED NOT NULL,
    revision BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;
INSERT IGNORE INTO SiteRevision (id, revision) VALUES (1, 1);

CREATE OR REPLACE TRIGGER edition_added AFTER INSERT ON Edition
FOR EACH ROW UPDATE SiteRevision SET revision = revision + 1 WHERE id = 1;
CREATE OR REPLACE TRIGGER edition_changed AFTER UPDATE ON Edition
FOR EACH ROW UPDATE SiteRevision SET revision = revision + 1 WHERE id = 1;
CREATE OR REPLACE TRIGGER edition_removed AFTER DELETE ON Edition
FOR EACH ROW UPDATE SiteRevision SET revision = revision + 1 WHERE id = 1;

-- lars_site is for nodes, lars_site_edit for the importer and larsctl site.
CREATE USER IF NOT EXISTS lars_site@localhost ACCOUNT LOCK;
CREATE USER IF NOT EXISTS lars_site_edit@localhost ACCOUNT LOCK;
GRANT SELECT ON lars_site.* TO lars_site@localhost, lars_site_edit@localhost;
GRANT INSERT, UPDATE ON lars_site.ExhibitVisit TO lars_site@localhost;
GRANT INSERT, UPDATE ON lars_site.Edition TO lars_site_edit@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_site.Exhibit TO lars_site_edit@localhost;
GRANT INSERT, DELETE ON lars_site.ExhibitPicture TO lars_site_edit@localhost;
GRANT INSERT, DELETE ON lars_site.Picture TO lars_site_edit@localhost;
-- Each import that changes something adds a row to the audit, which schema.sql has made.
GRANT INSERT ON lars_dns.Audit TO lars_site_edit@localhost;
-- larsctl site lists, publishes and freezes editions; its user is made by users.sql as well.
CREATE USER IF NOT EXISTS lars_ctl@localhost ACCOUNT LOCK;
GRANT SELECT ON lars_site.* TO lars_ctl@localhost;
GRANT UPDATE ON lars_site.Edition TO lars_ctl@localhost;
