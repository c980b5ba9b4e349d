-- users.sql -- the users of the database that the console, larsctl and lars-autoscaler connect
-- as.  Loading it again changes nothing but the rights.  A new user is locked until it has a password:
--     ALTER USER lars_web@localhost IDENTIFIED BY '...' ACCOUNT UNLOCK
-- Programs on other hosts: replace localhost by an address such as '10.0.0.%' in this file.
-- lars_web    makes the changes of the console
-- lars_web_ro answers what changes nothing, and notes that a session is in use
-- lars_ctl    is for larsctl; it may also add users of the console, and run db check
-- lars_scale  is for lars-autoscaler: it changes the routes of nodes and what slots run
-- lars_fence  may stop the server, for larsctl zone fence, and read or change nothing
-- None of them can change or delete rows of Audit and RouteLog.
CREATE USER IF NOT EXISTS lars_web@localhost ACCOUNT LOCK;
CREATE USER IF NOT EXISTS lars_web_ro@localhost ACCOUNT LOCK;
CREATE USER IF NOT EXISTS lars_ctl@localhost ACCOUNT LOCK;
CREATE USER IF NOT EXISTS lars_scale@localhost ACCOUNT LOCK;
CREATE USER IF NOT EXISTS lars_fence@localhost ACCOUNT LOCK;
GRANT SHUTDOWN ON *.* TO lars_fence@localhost;
GRANT SELECT ON lars_dns.* TO lars_web@localhost, lars_web_ro@localhost, lars_ctl@localhost, lars_scale@localhost;
GRANT UPDATE (seen_at) ON lars_dns.Session TO lars_web_ro@localhost;
GRANT INSERT ON lars_dns.Audit TO lars_web@localhost, lars_ctl@localhost, lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.RouteData TO lars_web@localhost, lars_ctl@localhost, lars_scale@localhost;
GRANT UPDATE ON lars_dns.RouteVersion TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT ON lars_dns.RouteConfirm TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ModulePolicy TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ModIDConfig TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.CmdIDConfig TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE ON lars_dns.AlarmSilence TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE ON lars_dns.AlarmTarget TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE ON lars_dns.User TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.Session TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE, DELETE ON lars_dns.Service TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.AgentRoute TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.AgentNode TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.RouteHold TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.StreamConflict TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT ON lars_dns.User TO lars_ctl@localhost;
GRANT DELETE ON lars_dns.RouteChange TO lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ScalePolicy TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ScalePlan TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE, DELETE ON lars_dns.ScaleHost TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.ScaleWanted TO lars_web@localhost, lars_ctl@localhost;
GRANT DELETE ON lars_dns.ScaleSlot TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.Capacity TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.Freeze TO lars_web@localhost, lars_ctl@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ZoneState TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE (abort_at) ON lars_dns.Drill TO lars_web@localhost;
GRANT UPDATE (abort_by) ON lars_dns.Drill TO lars_web@localhost;
GRANT UPDATE (abort_why) ON lars_dns.Drill TO lars_web@localhost;
GRANT INSERT, UPDATE ON lars_dns.Drill TO lars_ctl@localhost;
GRANT INSERT, UPDATE ON lars_dns.Lease TO lars_scale@localhost;
GRANT INSERT, UPDATE ON lars_dns.Lease TO lars_ctl@localhost;
GRANT UPDATE (factor) ON lars_dns.Capacity TO lars_scale@localhost;
GRANT UPDATE (low_since) ON lars_dns.Capacity TO lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ScaleWanted TO lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ScaleMeasure TO lars_ctl@localhost;
GRANT UPDATE, DELETE ON lars_dns.ScaleMeasure TO lars_scale@localhost;
GRANT INSERT ON lars_dns.ScaleDecision TO lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ScaleShortage TO lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.FrontHost TO lars_web@localhost, lars_ctl@localhost;
GRANT UPDATE ON lars_dns.FrontHost TO lars_scale@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.GatewaySeen TO lars_scale@localhost;
