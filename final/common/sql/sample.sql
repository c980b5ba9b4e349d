-- sample.sql -- two zones, three modules, for `make run`.  Loading it again changes nothing.
USE lars_dns;
INSERT IGNORE INTO ModIDConfig (modid, content) VALUES (1, 'showcase'), (2, 'search');
INSERT IGNORE INTO CmdIDConfig (cmdid, content) VALUES (1, 'page'), (2, 'picture');
INSERT IGNORE INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES
    (1, 1, INET_ATON('127.0.1.1'), 8001, 'a'), (1, 1, INET_ATON('127.0.1.2'), 8001, 'a'),
    (1, 1, INET_ATON('127.0.1.3'), 8001, 'a'), (1, 1, INET_ATON('127.0.2.1'), 8001, 'b'),
    (1, 1, INET_ATON('127.0.2.2'), 8001, 'b'), (1, 1, INET_ATON('127.0.2.3'), 8001, 'b'),
    (1, 2, INET_ATON('127.0.1.1'), 8002, 'a'), (1, 2, INET_ATON('127.0.2.1'), 8002, 'b'),
    (2, 1, INET_ATON('127.0.1.1'), 8003, 'a'), (2, 1, INET_ATON('127.0.2.1'), 8003, 'b');
-- lars-node answers message 100, so a check sees the service and not only its port.
INSERT IGNORE INTO ModulePolicy (modid, cmdid, probe) VALUES (1, 1, 'echo'), (1, 2, 'echo'), (2, 1, 'echo');
