-- users.sql -- the users of the database that the console connects as.  Loading it again
-- changes nothing but the rights.  Set passwords of your own:
--     ALTER USER lars_web@localhost IDENTIFIED BY '...'
-- lars_web makes changes.  It cannot change or delete rows of Audit and RouteLog.
-- lars_web_ro answers what changes nothing, and notes that a session is in use.
CREATE USER IF NOT EXISTS lars_web@localhost IDENTIFIED BY 'lars_web';
CREATE USER IF NOT EXISTS lars_web_ro@localhost IDENTIFIED BY 'lars_web_ro';
GRANT SELECT ON lars_dns.* TO lars_web@localhost, lars_web_ro@localhost;
GRANT UPDATE (seen_at) ON lars_dns.Session TO lars_web_ro@localhost;
GRANT INSERT ON lars_dns.Audit TO lars_web@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.RouteData TO lars_web@localhost;
GRANT UPDATE ON lars_dns.RouteVersion TO lars_web@localhost;
GRANT INSERT ON lars_dns.RouteConfirm TO lars_web@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ModulePolicy TO lars_web@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.ModIDConfig TO lars_web@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.CmdIDConfig TO lars_web@localhost;
GRANT INSERT, UPDATE ON lars_dns.AlarmSilence TO lars_web@localhost;
GRANT UPDATE ON lars_dns.AlarmTarget TO lars_web@localhost;
GRANT UPDATE ON lars_dns.User TO lars_web@localhost;
GRANT INSERT, UPDATE, DELETE ON lars_dns.Session TO lars_web@localhost;
GRANT UPDATE, DELETE ON lars_dns.Service TO lars_web@localhost;
GRANT DELETE ON lars_dns.AgentRoute TO lars_web@localhost;
GRANT DELETE ON lars_dns.AgentNode TO lars_web@localhost;
GRANT DELETE ON lars_dns.RouteHold TO lars_web@localhost;
GRANT DELETE ON lars_dns.StreamConflict TO lars_web@localhost;
