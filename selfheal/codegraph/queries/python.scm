; What selfheal reads from a Python file. One pattern per construct; `parse.py` has one reader per
; capture name, called in the order of the source.

; Scopes and names
(class_definition
  name: (identifier) @name
  superclasses: (argument_list)? @bases) @class

(function_definition
  name: (identifier) @name
  parameters: (parameters) @parameters
  return_type: (type)? @returns) @function

(global_statement) @global
(nonlocal_statement) @global

(lambda) @lambda

; Imports
(import_statement) @import
(import_from_statement module_name: (_) @module) @import_from

; Calls
(call function: (_) @target arguments: (_) @arguments) @call
(raise_statement . (_) @raised) @raise
(attribute) @read
(binary_operator left: (_) @target) @operation
(augmented_assignment left: (_) @target) @operation
(comparison_operator . (_) @target) @comparison
(subscript value: (_) @target) @item

; What is bound to what
(assignment left: (_) @target type: (type)? @type right: (_)? @value) @assignment
(named_expression name: (_) @target value: (_) @value) @assignment
(for_statement left: (_) @target right: (_) @iterated) @loop
(for_in_clause left: (_) @target right: (_) @iterated) @loop
(with_item value: (_) @value) @with
(except_clause value: (as_pattern (_) @value alias: (as_pattern_target (_) @target))) @caught
(return_statement (_) @value) @return
(yield) @yield

; Decisions, for the complexity of what the running Python cannot parse
[
  (if_statement)
  (elif_clause)
  (for_statement)
  (for_in_clause)
  (if_clause)
  (while_statement)
  (except_clause)
  (conditional_expression)
  (boolean_operator)
  (assert_statement)
  (case_clause)
] @branch
