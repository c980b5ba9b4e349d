-- triggers.sql -- the triggers assign all versions and write RouteLog, so the changes of
-- every writer are recorded: those of a program, of an operator at an SQL prompt, of the
-- script of the public tutorial, which sets the version to the current second.  A transaction holds the lock on
-- the only row of RouteVersion until it commits, so versions have the order of the commits
-- and no gaps.
USE lars_dns;
DELIMITER //
CREATE OR REPLACE TRIGGER route_data_insert AFTER INSERT ON RouteData FOR EACH ROW
BEGIN
    INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0);
    -- An import of very many rows sets @lars_log to 0 and writes one row of Audit instead.
    IF COALESCE(@lars_log, 1) <> 0 THEN
        INSERT INTO RouteLog (audit_id, db_user, modid, cmdid, ip, port, new_weight,
                              new_zone, new_state)
        VALUES (COALESCE(@lars_audit, 0), USER(), NEW.modid, NEW.cmdid, NEW.serverip,
                NEW.serverport, NEW.weight, NEW.zone, NEW.state);
    END IF;
END//

-- A change that takes a node out of service names the node in goneip and goneport: the
-- consent of its author, `confirmed`, belongs to the removal of that node and to no other.
-- A node is in service while its state is 'up' and its weight is above 0.
CREATE OR REPLACE TRIGGER route_data_delete AFTER DELETE ON RouteData FOR EACH ROW
BEGIN
    INSERT INTO RouteChange (modid, cmdid, version, goneip, goneport)
    VALUES (OLD.modid, OLD.cmdid, 0, OLD.serverip,
            IF(OLD.state = 'up' AND OLD.weight > 0, OLD.serverport, NULL));
    IF COALESCE(@lars_log, 1) <> 0 THEN
        INSERT INTO RouteLog (audit_id, db_user, modid, cmdid, ip, port, old_weight,
                              old_zone, old_state)
        VALUES (COALESCE(@lars_audit, 0), USER(), OLD.modid, OLD.cmdid, OLD.serverip,
                OLD.serverport, OLD.weight, OLD.zone, OLD.state);
    END IF;
END//

-- A row that moves to another module changes both modules.
CREATE OR REPLACE TRIGGER route_data_update AFTER UPDATE ON RouteData FOR EACH ROW
BEGIN
    INSERT INTO RouteChange (modid, cmdid, version, goneip, goneport)
    VALUES (OLD.modid, OLD.cmdid, 0, OLD.serverip,
            IF(OLD.state = 'up' AND OLD.weight > 0 AND
               NOT (NEW.state = 'up' AND NEW.weight > 0 AND
                    (NEW.modid, NEW.cmdid, NEW.serverip, NEW.serverport) =
                    (OLD.modid, OLD.cmdid, OLD.serverip, OLD.serverport)),
               OLD.serverport, NULL));
    IF OLD.modid <> NEW.modid OR OLD.cmdid <> NEW.cmdid THEN
        INSERT INTO RouteChange (modid, cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0);
    END IF;
    -- A row whose module or node changes is a removal and an addition.
    IF COALESCE(@lars_log, 1) <> 0 THEN
        IF (NEW.modid, NEW.cmdid, NEW.serverip, NEW.serverport) =
           (OLD.modid, OLD.cmdid, OLD.serverip, OLD.serverport) THEN
            INSERT INTO RouteLog (audit_id, db_user, modid, cmdid, ip, port, old_weight,
                                  old_zone, old_state, new_weight, new_zone, new_state)
            VALUES (COALESCE(@lars_audit, 0), USER(), OLD.modid, OLD.cmdid, OLD.serverip,
                    OLD.serverport, OLD.weight, OLD.zone, OLD.state, NEW.weight,
                    NEW.zone, NEW.state);
        ELSE
            INSERT INTO RouteLog (audit_id, db_user, modid, cmdid, ip, port, old_weight,
                                  old_zone, old_state)
            VALUES (COALESCE(@lars_audit, 0), USER(), OLD.modid, OLD.cmdid, OLD.serverip,
                    OLD.serverport, OLD.weight, OLD.zone, OLD.state);
            INSERT INTO RouteLog (audit_id, db_user, modid, cmdid, ip, port, new_weight,
                                  new_zone, new_state)
            VALUES (COALESCE(@lars_audit, 0), USER(), NEW.modid, NEW.cmdid, NEW.serverip,
                    NEW.serverport, NEW.weight, NEW.zone, NEW.state);
        END IF;
    END IF;
END//

-- The row gets the next version, and the value of the writer is ignored.
CREATE OR REPLACE TRIGGER route_change_insert BEFORE INSERT ON RouteChange FOR EACH ROW
BEGIN
    UPDATE RouteVersion SET version = version + 1 WHERE id = 1;
    SET NEW.version = (SELECT version FROM RouteVersion WHERE id = 1);
    IF @lars_confirmed = 1 AND NEW.goneport IS NOT NULL THEN    -- our programs set it
        SET NEW.confirmed = 1;
    END IF;
END//

-- Confirming a held change is a change itself, so DNSService loads the module again.  It is
-- the consent to all removals before it: confirmed, without a node.
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
