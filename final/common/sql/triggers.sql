-- triggers.sql -- versions are given here and nowhere else, so that every writer is seen:
-- a program, a person with a SQL prompt, the public tutorial's script that sets the version
-- to the second of the clock, twice.  The lock on the one row of RouteVersion is held until
-- COMMIT: the order of versions is the order of commits, and there are no gaps.
USE lars_dns;
DELIMITER //
CREATE OR REPLACE TRIGGER route_data_insert AFTER INSERT ON RouteData FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0)//

CREATE OR REPLACE TRIGGER route_data_delete AFTER DELETE ON RouteData FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (OLD.modid, OLD.cmdid, 0)//

-- a row that moves to another module changes both
CREATE OR REPLACE TRIGGER route_data_update AFTER UPDATE ON RouteData FOR EACH ROW
BEGIN
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0);
    IF OLD.modid <> NEW.modid OR OLD.cmdid <> NEW.cmdid THEN
        INSERT INTO RouteChange (modid, cmdid, version) VALUES (OLD.modid, OLD.cmdid, 0);
    END IF;
END//

-- whatever version the writer gave: it gets the next one
CREATE OR REPLACE TRIGGER route_change_insert BEFORE INSERT ON RouteChange FOR EACH ROW
BEGIN
    UPDATE RouteVersion SET version = version + 1 WHERE id = 1;
    SET NEW.version = (SELECT version FROM RouteVersion WHERE id = 1);
    IF @lars_confirmed = 1 THEN            -- our tools say so for their session
        SET NEW.confirmed = 1;
    END IF;
END//

CREATE OR REPLACE TRIGGER route_confirm_insert AFTER INSERT ON RouteConfirm FOR EACH ROW
    INSERT INTO RouteChange (modid, cmdid, version, confirmed)
    VALUES (NEW.modid, NEW.cmdid, 0, 1)//

-- only the trigger above moves it, by one
CREATE OR REPLACE TRIGGER route_version_update BEFORE UPDATE ON RouteVersion FOR EACH ROW
    IF NEW.version <> OLD.version + 1 THEN
        SET NEW.version = OLD.version;
    END IF//

CREATE OR REPLACE TRIGGER route_version_delete BEFORE DELETE ON RouteVersion FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'RouteVersion keeps its one row'//
DELIMITER ;
