/*
 * dialect/openai_responses/own.c - tools that the client runs itself, but that the dialect spells
 * in its own way: a type instead of a name, calls and results as items of their own.
 *
 * For providers of other dialects such a tool is a function of the same name (ir/names.h); its
 * calls come back as the items the client waits for. Codex' shells and patches live on it
 * (SPEC R14.5). Item shapes: LocalShellToolCall, FunctionShellCall, ApplyPatchToolCall,
 * ToolSearchCall and their outputs.
 */
#include "dialect/openai_responses/responses.h"

/* ---- a function call as the client's item ---- */

/* Models now and then give a command line where an array is due. */
static void write_strings(yyjson_val *v, bool command_line, struct json_writer *w)
{
    jw_array(w);
    if (yyjson_is_str(v) && command_line) {
        jw_str(w, S("bash"));
        jw_str(w, S("-lc"));
    }
    if (yyjson_is_str(v))
        jw_str(w, jv_str(v));
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    for (yyjson_val *e; (e = yyjson_arr_iter_next(&it));) {
        if (yyjson_is_str(e))
            jw_str(w, jv_str(e));
    }
    jw_array_end(w);
}

static void write_number(const char *key, yyjson_val *args, struct json_writer *w)
{
    str number = jv_num(jv_get(args, key));
    jw_key(w, str_c(key));
    if (number.p)
        jw_raw(w, number);
    else
        jw_null(w);
}

static void write_text(const char *key, yyjson_val *args, struct json_writer *w)
{
    str text = jv_get_str(args, key);
    jw_key(w, str_c(key));
    if (text.p)
        jw_str(w, text);
    else
        jw_null(w);
}

static void write_exec(yyjson_val *args, struct json_writer *w)
{
    yyjson_val *env = jv_get(args, "env");
    jw_object(w);
    jw_kstr(w, "type", S("exec"));
    jw_key(w, S("command"));
    write_strings(jv_get(args, "command"), true, w);
    jw_key(w, S("env"));
    if (yyjson_is_obj(env)) {
        jw_value(w, env);
    } else {
        jw_object(w);
        jw_object_end(w);
    }
    write_number("timeout_ms", args, w);
    write_text("working_directory", args, w);
    write_text("user", args, w);
    jw_object_end(w);
}

static void write_shell(yyjson_val *args, struct json_writer *w)
{
    jw_object(w);
    jw_key(w, S("commands"));
    write_strings(jv_get(args, "commands"), false, w);
    write_number("timeout_ms", args, w);
    write_number("max_output_length", args, w);
    jw_object_end(w);
}

static void write_patch(yyjson_val *args, struct json_writer *w)
{
    str type = jv_get_str(args, "type");
    bool diff = !str_eq(type, S("delete_file"));
    jw_object(w);
    jw_kstr(w, "type", type.n ? type : S("update_file"));
    jw_kstr(w, "path", jv_get_str(args, "path"));
    if (diff)
        jw_kstr(w, "diff", jv_get_str(args, "diff"));
    jw_object_end(w);
}

static void write_any(yyjson_val *args, struct json_writer *w)
{
    if (args) {
        jw_value(w, args);
    } else {
        jw_object(w);
        jw_object_end(w);
    }
}

/* ---- the table ---- */

static const struct own_tool rows[] = {
    {"local_shell", "local_shell_call", "local_shell_call_output", "action", "output", "lsh_",
     write_exec, "", "Runs a command on the user's machine and returns its output.",
     "{\"type\":\"object\",\"properties\":{"
     "\"command\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
     "\"description\":\"The command and its arguments.\"},"
     "\"working_directory\":{\"type\":\"string\","
     "\"description\":\"The directory to run the command in.\"},"
     "\"timeout_ms\":{\"type\":\"integer\","
     "\"description\":\"Milliseconds after which the command is ended.\"},"
     "\"env\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":{\"type\":\"string\"},"
     "\"description\":\"Environment variables to set.\"},"
     "\"user\":{\"type\":\"string\",\"description\":\"The user to run the command as.\"}},"
     "\"required\":[\"command\"]}"},
    {"shell", "shell_call", "shell_call_output", "action", "output", "sh_", write_shell,
     ",\"environment\":null", "Runs shell commands on the user's machine and returns their output.",
     "{\"type\":\"object\",\"properties\":{"
     "\"commands\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
     "\"description\":\"Shell commands; they may run side by side.\"},"
     "\"timeout_ms\":{\"type\":\"integer\","
     "\"description\":\"Milliseconds after which the commands are ended.\"},"
     "\"max_output_length\":{\"type\":\"integer\","
     "\"description\":\"Characters of output to return at most.\"}},"
     "\"required\":[\"commands\"]}"},
    {"apply_patch", "apply_patch_call", "apply_patch_call_output", "operation", "output", "apc_",
     write_patch, "",
     "Creates, updates or deletes a file on the user's machine. diff is in the V4A format: each "
     "line begins with a space, + or -, hunks with @@.",
     "{\"type\":\"object\",\"properties\":{"
     "\"type\":{\"type\":\"string\",\"enum\":[\"create_file\",\"update_file\",\"delete_file\"]},"
     "\"path\":{\"type\":\"string\"},"
     "\"diff\":{\"type\":\"string\",\"description\":\"Not for delete_file.\"}},"
     "\"required\":[\"type\",\"path\"]}"},
    {"tool_search", "tool_search_call", "tool_search_output", "arguments", "tools", "tsc_",
     write_any, ",\"execution\":\"client\"", "Finds further tools by what they do.",
     "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}},"
     "\"required\":[\"query\"]}"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const struct own_tool *own_tool_by_type(str type)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (str_eq(type, str_c(rows[i].tool)))
            return &rows[i];
    }
    return NULL;
}

const struct own_tool *own_tool_by_call(str type)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (str_eq(type, str_c(rows[i].call)))
            return &rows[i];
    }
    return NULL;
}

const struct own_tool *own_tool_by_output(str type)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (str_eq(type, str_c(rows[i].output)))
            return &rows[i];
    }
    return NULL;
}

/* A shell without an environment, or in a "local" one, is the client's; tool_search is hosted
 * unless execution says "client". */
bool own_tool_is_clients(const struct own_tool *own, yyjson_val *v)
{
    if (str_eq(str_c(own->tool), S("shell"))) {
        yyjson_val *environment = jv_get(v, "environment");
        return !environment || jv_is(jv_get(environment, "type"), "local");
    }
    if (str_eq(str_c(own->tool), S("tool_search")))
        return jv_is(jv_get(v, "execution"), "client");
    return true;
}

/* Nulls say nothing, and so does "exec": local_shell has no other type. */
static void write_said(yyjson_val *input, struct json_writer *w)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(input);
    jw_object(w);
    for (yyjson_val *k; (k = yyjson_obj_iter_next(&it));) {
        yyjson_val *v = yyjson_obj_iter_get_val(k);
        if (yyjson_is_null(v) || (jv_is(k, "type") && jv_is(v, "exec")))
            continue;
        jw_key(w, jv_str(k));
        jw_value(w, v);
    }
    jw_object_end(w);
}

str own_tool_arguments(const struct own_tool *own, yyjson_val *call, struct arena *a)
{
    yyjson_val *input = jv_get(call, own->input);
    struct buf out;
    if (!yyjson_is_obj(input))
        return yyjson_is_str(input) ? jv_str(input) : S("{}");
    buf_init(&out, SIZE_MAX / 2);
    struct json_writer w = json_writer(&out);
    write_said(input, &w);
    str text = str_dup(a, buf_str(&out));
    buf_fini(&out);
    return text;
}

void own_tool_write_call(const struct own_tool *own, str call_id, str arguments, struct arena *a,
                         struct json_writer *w)
{
    yyjson_val *args = NULL;
    if (json_read(arguments, a, &args, NULL) || !yyjson_is_obj(args))
        args = NULL;
    jw_kstr(w, "call_id", call_id);
    jw_key(w, str_c(own->input));
    own->write(args, w);
    buf_put(w->out, str_c(own->tail));
}
