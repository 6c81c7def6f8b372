"""The numbers of qSlicerSegmentEditorAbstractEffect's enumerations."""

ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = range(4)
NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)
