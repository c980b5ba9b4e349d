-- sample.sql -- sample routes for a first trial.  Loading the file again changes nothing.
USE lars_dns;
INSERT IGNORE INTO ModIDConfig (modid, content) VALUES (1, 'showcase'), (2, 'search');
INSERT IGNORE INTO CmdIDConfig (cmdid, content) VALUES (1, 'page'), (2, 'picture');
INSERT IGNORE INTO RouteData (modid, cmdid, serverip, serverport) VALUES
    (1, 1, INET_ATON('127.0.1.1'), 8001), (1, 1, INET_ATON('127.0.1.2'), 8001),
    (1, 1, INET_ATON('127.0.1.3'), 8001),
    (1, 2, INET_ATON('127.0.1.1'), 8002), (1, 2, INET_ATON('127.0.1.2'), 8002),
    (2, 1, INET_ATON('127.0.1.9'), 8003);
