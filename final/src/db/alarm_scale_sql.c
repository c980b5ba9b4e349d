/* One statement, because nothing of it is needed while no module is scaled: each part
 * begins with ScalePolicy or a table that is empty then.  A decision is written when the
 * number of missing nodes changes, and once a minute; an older one says nothing.
 * Rejected: alarms that lars-autoscaler raises.  Its own end is one of the reasons. */
#include "db/alarm_scale_sql.h"

#define SCALED                                                                           \
    " FROM ScalePolicy p JOIN ScaleDecision x ON x.id = (SELECT MAX(id) FROM "           \
    "ScaleDecision y WHERE y.modid = p.modid AND y.cmdid = p.cmdid) AND x.at > NOW(3) "  \
    "- INTERVAL 90 SECOND WHERE x.note LIKE "

/* Only what is known is compared: a build that was measured with one that runs, on a host
 * that is heard.  The row without a class counts for classes that have none, as in
 * scale/track.c.  A rolling restart takes less than the 10 min, or its first nodes are
 * worth a measurement. */
#define STALE                                                                            \
    "UNION ALL SELECT 'capacity_stale', CONCAT(c.modid, '/', c.cmdid, IF(c.class = '', " \
    "'', CONCAT(' ', c.class))), CONCAT('build ', c.build, ' was measured, and ', "      \
    "COUNT(*), IF(COUNT(*) = 1, ' node runs ', ' nodes run '), LEFT(GROUP_CONCAT("       \
    "DISTINCT s.build ORDER BY s.build SEPARATOR ', '), 100), ': larsctl capacity "      \
    "measure ', c.modid, ' ', c.cmdid, IF(c.class = '', '', CONCAT(' class=', "          \
    "c.class))) FROM Capacity c JOIN ScaleSlot s ON s.modid = c.modid AND s.cmdid = "    \
    "c.cmdid JOIN ScaleHost h ON h.host = s.host WHERE c.build_from = 'measured' AND "   \
    "c.build <> '' AND s.build <> '' AND s.build <> c.build AND s.state IN ('ready', "   \
    "'sick') AND s.build_since < NOW(3) - INTERVAL 10 MINUTE AND s.seen_at > NOW(3) - "  \
    "INTERVAL 6 SECOND AND (h.class = c.class OR (c.class = '' AND NOT EXISTS (SELECT "  \
    "1 FROM Capacity o WHERE o.modid = c.modid AND o.cmdid = c.cmdid AND o.class = "     \
    "h.class))) GROUP BY c.modid, c.cmdid, c.class, c.build "

const char alarm_scale_sql[] =
    "SELECT 'capacity_ceiling', CONCAT(p.modid, '/', p.cmdid), CONCAT(ROUND(x.demand), "
    "' requests a second; ', x.note)" SCALED "'%capacity.ceiling%' "
    "UNION ALL SELECT 'capacity_floor', CONCAT(p.modid, '/', p.cmdid), CONCAT(x.up, "
    "' nodes; ', x.note)" SCALED "'%capacity.floor%' "
    "UNION ALL SELECT 'capacity_max', CONCAT(p.modid, '/', p.cmdid), CONCAT(ROUND("
    "x.demand), ' requests a second; ', x.note)" SCALED "'%capacity.max%' "
    "UNION ALL SELECT 'capacity_unmeasured', CONCAT(p.modid, '/', p.cmdid), x.note" SCALED
    "'%is not measured%' "
    "UNION ALL SELECT 'capacity_drift', CONCAT(modid, '/', cmdid, IF(class = '', '', "
    "CONCAT(' ', class))), CONCAT('a node answers ', ROUND(rps * factor, 1), ' requests "
    "a second in time, and ', ROUND(rps, 1), ' were measured') FROM Capacity WHERE "
    "factor < 0.8 AND low_since < NOW(3) - INTERVAL 5 MINUTE "
    STALE
    "UNION ALL SELECT 'scale_leader', 'lars-autoscaler', CONCAT(COUNT(*), ' modules are "
    "scaled, and no lars-autoscaler decides') FROM ScalePolicy HAVING COUNT(*) > 0 AND "
    "NOT EXISTS (SELECT 1 FROM Lease WHERE name = 'scale' AND until_at > NOW(3)) "
    "UNION ALL SELECT 'scale_host', h.host, CONCAT('zone ', h.zone, ': nothing for ', "
    "TIMESTAMPDIFF(SECOND, h.seen_at, NOW(3)), ' s') FROM ScaleHost h WHERE h.seen_at < "
    "NOW(3) - INTERVAL 6 SECOND AND EXISTS (SELECT 1 FROM ScaleWanted w WHERE w.host = "
    "h.host) "
    "UNION ALL SELECT 'scale_start', s.host, CONCAT('slot ', MIN(s.slot), ', module ', "
    "MIN(CONCAT(s.modid, '/', s.cmdid)), ': ', MIN(s.note)) FROM ScaleSlot s WHERE "
    "s.state = 'failed' AND s.starts >= 3 GROUP BY s.host "
    /* what is not written any more says nothing: there may be no leader, or no data */
    "UNION ALL SELECT 'scale_stuck', CONCAT(modid, '/', cmdid, IF(zone = '', '', "
    "CONCAT(' ', zone))), CONCAT(up, ' of ', wanted, ' nodes up for ', TIMESTAMPDIFF("
    "SECOND, since, NOW(3)), ' s: ', why) FROM ScaleShortage WHERE since < NOW(3) - "
    "INTERVAL " ALARM_SCALE_STUCK " AND seen_at > NOW(3) - INTERVAL " ALARM_SCALE_AGE " "
    /* while a leader asks; without one scale_leader is open */
    "UNION ALL SELECT 'gateway_lost', g.address, CONCAT('no answer for ', "
    "TIMESTAMPDIFF(SECOND, g.answered_at, NOW(3)), ' s', IF(g.why = '', '', CONCAT('; ', "
    "g.why))) FROM GatewaySeen g WHERE g.required = 1 AND g.asked_at > NOW(3) - INTERVAL "
    "20 SECOND AND g.answered_at < NOW(3) - INTERVAL 60 SECOND "
    "UNION ALL SELECT 'scale_front', 'gateways', x.note FROM ScaleDecision x WHERE x.id "
    "= (SELECT MAX(id) FROM ScaleDecision y WHERE y.modid = 0 AND y.cmdid = 0) AND x.at "
    "> NOW(3) - INTERVAL 90 SECOND AND x.note LIKE '%scale.front%' LIMIT 1000";
