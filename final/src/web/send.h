/* send -- writes answers with the headers that all of them have.  Thread: loop. */
#ifndef LARS_WEB_SEND_H
#define LARS_WEB_SEND_H

#include <microhttpd.h>
#include <stdbool.h>

#include "web/assets.h"
#include "web/reply.h"

/* Each returns what the library wants.  <tls>: tell browsers to use nothing else for this
 * host.  send_reply() takes the text of <r>; send_stream() takes <body>. */
enum MHD_Result send_reply(bool tls, struct MHD_Connection *con, struct reply *r);
enum MHD_Result send_file(bool tls, struct MHD_Connection *con,
                          const struct assets_file *f);
enum MHD_Result send_stream(bool tls, struct MHD_Connection *con,
                            struct MHD_Response *body);

#endif
