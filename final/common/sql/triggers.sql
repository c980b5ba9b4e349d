-- triggers.sql -- the triggers assign all versions, so the changes of every writer are
-- recorded: those of a program, of an operator at an SQL prompt, of the script of the public
-- tutorial, which sets the version to the current second.  A transaction holds the lock on
-- the only row of RouteVersion until it commits, so versions have the order of the commits
-- and no gaps.
USE lars_dns;
DELIMITER //
CREATE OR REPLACE TRIGGER route_data_insert AFTER INSERT ON RouteData FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0)//

CREATE OR REPLACE TRIGGER route_data_delete AFTER DELETE ON RouteData FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (OLD.modid, OLD.cmdid, 0)//

-- A row that moves to another module changes both modules.
CREATE OR REPLACE TRIGGER route_data_update AFTER UPDATE ON RouteData FOR EACH ROW
BEGIN
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0);
    IF OLD.modid <> NEW.modid OR OLD.cmdid <> NEW.cmdid THEN
        INSERT INTO RouteChange (modid, cmdid, version) VALUES (OLD.modid, OLD.cmdid, 0);
    END IF;
END//

-- The row gets the next version, and the value of the writer is ignored.
CREATE OR REPLACE TRIGGER route_change_insert BEFORE INSERT ON RouteChange FOR EACH ROW
BEGIN
    UPDATE RouteVersion SET version = version + 1 WHERE id = 1;
    SET NEW.version = (SELECT version FROM RouteVersion WHERE id = 1);
    IF @lars_confirmed = 1 THEN            -- larsctl sets it for its session
        SET NEW.confirmed = 1;
    END IF;
END//

-- Confirming a held change is a change itself, so DNSService loads the module again.
CREATE OR REPLACE TRIGGER route_confirm_insert AFTER INSERT ON RouteConfirm FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version, confirmed)
    VALUES (NEW.modid, NEW.cmdid, 0, 1)//

-- The version grows by one, which the trigger above does; other values are ignored.
CREATE OR REPLACE TRIGGER route_version_update BEFORE UPDATE ON RouteVersion FOR EACH ROW
    IF NEW.version <> OLD.version + 1 THEN
        SET NEW.version = OLD.version;
    END IF//

CREATE OR REPLACE TRIGGER route_version_delete BEFORE DELETE ON RouteVersion FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'RouteVersion keeps its one row'//
DELIMITER ;
