# man.awk -- a manual page from the tables of a program.
#     build/lars-dnsd --describe | awk -v section=8 -f deploy/man.awk >lars-dnsd.8
# src/base/opts_help.h describes the input: a line for each row, its words separated by tabs.
# The page is made from the same tables as the parser and --help, so that none of them can
# differ from the program.
BEGIN { FS = "\t" }

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}
function heading(text) {
    if (current != text)
        print ".SH " text
    current = text
}
function bold(text) { return text == "" ? "" : "\\fB" roff(text) "\\fR" }
function italic(text) { return text == "" ? "" : "\\fI" roff(text) "\\fR" }
function joined(a, between, b) { return a (a != "" && b != "" ? between : "") b }

$1 == "program" {
    name = $2
    title = toupper(name)
    gsub(/-/, "\\-", title)
    print ".TH \"" title "\" " section " \"\" \"Lars " $3 "\" \"Lars\""
    print ".SH NAME\n" name " \\- " roff($4)
    print ".SH SYNOPSIS\n" joined(bold(name) " [\\fIOPTION\\fR]...", " ", italic($5))
}
$1 == "about" {
    if (current == "DESCRIPTION")
        print ".PP"
    heading("DESCRIPTION")
    print roff($2)
}
$1 == "option" {
    heading("OPTIONS")
    print ".TP\n" joined(joined(bold($2), ", ", bold($3)), " ", italic($4))
    print roff($6) ($5 != "" ? " The default is " bold($5) "." : "")
}
$1 == "command" {
    heading("COMMANDS")
    print ".TP\n" joined(bold($2), " ", italic($3)) "\n" roff($4)
}
$1 == "config" {
    heading("CONFIGURATION")
    if ($2 != part) {
        part = $2
        print ".SS [" part "]"
    }
    range = $4 == "text" ? "At most " $6 " bytes." : "From " $5 " to " $6 "."
    print ".TP\n" bold($3) " = " bold($7) "\n" roff($9) "\n" range
}
$1 == "file" { file[++files] = $2 }
$1 == "exit" {
    heading("EXIT STATUS")
    print ".TP\n" bold($2) "\n" roff($3)
}
END {
    if (files) {
        print ".SH FILES\nWithout \\fB\\-c\\fR the first of these files that exists is read:"
        for (i = 1; i <= files; i++)
            print ".TP\n" italic(file[i])
    }
    print ".SH SEE ALSO"
    n = split("lars-agentd(8) lars-dnsd(8) lars-reportd(8) larsctl(1)", page, " ")
    for (i = 1; i <= n; i++)
        if (index(page[i], name "(") != 1) {
            split(page[i], word, "[()]")
            others = joined(others, ",\n.BR ", roff(word[1]) " (" word[2] ")")
        }
    gsub(/\),\n/, ") ,\n", others)
    print ".BR " others
}
